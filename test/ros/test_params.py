"""A table of parameters: declared with descriptions, checked at the start and ever after."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from rcl_interfaces.msg import ParameterType
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.ros.params import Parameter, declare, read

TABLE = (
    Parameter("target_frame", "base_link", "Where paths end up."),
    Parameter("sync_slop", 0.02, "Difference of stamps.", "s", 0.0, 1.0),
    Parameter("queue_depth", 2, "Frames kept.", low=1),
    Parameter("transport", "raw", "How images travel.", choices=("raw", "compressed")),
    Parameter("workspace.min", [-1.0, -1.0, 0.0], "Corner.", "m", low=-10.0),
    Parameter("use_depth", True, "Whether there is depth.", read_only=True),
)


def test_defaults(make_node: Callable[..., Node]) -> None:
    node = make_node("defaults")
    declare(node, TABLE)
    assert read(node, TABLE) == {parameter.name: parameter.default for parameter in TABLE}


def test_descriptors_teach(make_node: Callable[..., Node]) -> None:
    node = make_node("descriptors")
    declare(node, TABLE)
    described = {d.name: d for d in node.describe_parameters([parameter.name for parameter in TABLE])}
    assert described["sync_slop"].description == "Difference of stamps. [s]"
    assert described["sync_slop"].floating_point_range[0].to_value == 1.0
    assert described["queue_depth"].integer_range[0].from_value == 1
    assert "'compressed'" in described["transport"].additional_constraints
    assert "at least -10" in described["workspace.min"].additional_constraints
    assert described["use_depth"].read_only
    assert described["workspace.min"].type == ParameterType.PARAMETER_DOUBLE_ARRAY


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("sync_slop:=2.0", "sync_slop.*2.0.*float from 0 to 1 s"),
        ("sync_slop:=.nan", "sync_slop.*nan.*float from 0 to 1 s"),
        ("sync_slop:=1", "sync_slop.*float from 0 to 1 s"),
        ("queue_depth:=0", "queue_depth.*0.*int of at least 1"),
        ("queue_depth:=two", "queue_depth.*int of at least 1"),
        ("transport:=theora", "transport is 'theora'; accepted: 'raw', 'compressed'"),
        ("workspace.min:=[0.0, -20.0, 0.0]", "workspace.min.*-20.0.*of at least -10 m"),
        ("use_depth:=3", "use_depth.*bool"),
    ],
)
def test_a_wrong_start_value_is_named(make_node: Callable[..., Node], assignment: str, words: str) -> None:
    node = make_node("wrong", "-p", assignment)
    with pytest.raises(InvalidRequest, match=words):
        declare(node, TABLE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sync_slop", math.nan),
        ("sync_slop", 3.0),
        ("transport", "theora"),
        ("workspace.min", [math.nan, 0.0, 0.0]),
        ("workspace.min", [1]),
        ("use_depth", False),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(
    make_node: Callable[..., Node], name: str, value: object
) -> None:
    node = make_node("running")
    declare(node, TABLE)
    result = node.set_parameters([RosParameter(name, value=value)])[0]
    assert not result.successful
    assert result.reason
    assert read(node, TABLE) == {parameter.name: parameter.default for parameter in TABLE}


def test_a_right_value_is_taken(make_node: Callable[..., Node]) -> None:
    node = make_node("changing", "-p", "queue_depth:=7")
    declare(node, TABLE)
    assert node.set_parameters([RosParameter("transport", value="compressed")])[0].successful
    values = read(node, TABLE)
    assert (values["transport"], values["queue_depth"]) == ("compressed", 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"default": 5.0, "high": 1.0},
        {"default": "x", "choices": ("y",)},
        {"default": math.nan},
        {"default": []},
    ],
)
def test_a_table_that_refuses_its_own_default_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="parameter p"):
        Parameter("p", description="", **wrong)  # type: ignore[arg-type]
