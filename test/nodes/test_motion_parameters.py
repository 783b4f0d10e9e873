"""The parameter files say what the tables say, and what contradicts itself is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes.cartesian_parameters import CARTESIAN_PARAMETERS
from robotracer_ros.nodes.motion_parameters import FOLLOWERS, GRIPPERS, MOTION_PARAMETERS, MotionParameters
from robotracer_ros.nodes.pursuit_node import PURSUIT_PARAMETERS
from robotracer_ros.nodes.sim_parameters import sim_parameters
from robotracer_ros.nodes.trace_parameters import TRACE_PARAMETERS
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.pick_and_place import HandlingSettings

DEFAULTS = {parameter.name: parameter.default for parameter in MOTION_PARAMETERS}
TABLES = {
    "trace_node": TRACE_PARAMETERS, "motion_node": MOTION_PARAMETERS, "cartesian_path_node": CARTESIAN_PARAMETERS,
    "pursuit_node": PURSUIT_PARAMETERS, "sim_node": sim_parameters(("tabletop", "floor")),
}  # fmt: skip


def flattened(tree: dict, prefix: str = "") -> dict:
    flat: dict = {}
    for key, value in tree.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_the_file_holds_every_parameter_with_its_default_explained(repository: Path) -> None:
    text = (repository / "config" / "motion.yaml").read_text()
    assert flattened(yaml.safe_load(text)["/**"]["ros__parameters"]) == DEFAULTS
    keys = [line for line in text.splitlines() if ": " in line and not line.lstrip().startswith("#")]
    assert all("# " in line for line in keys)


@pytest.mark.parametrize("file", ["demo_arm.yaml", "demo_base.yaml"])
def test_the_demos_files_name_known_parameters_of_their_types(repository: Path, file: str) -> None:
    for path, tree in yaml.safe_load((repository / "config" / file).read_text()).items():
        table = {parameter.name: parameter for parameter in TABLES[path.removeprefix("/**/")]}
        for name, value in flattened(tree["ros__parameters"]).items():
            table[name].require(value)


@pytest.mark.parametrize("file", ["motion_moveit.yaml", "motion_nav2.yaml"])
def test_the_examples_contradict_nothing_and_move_nothing(repository: Path, file: str) -> None:
    given = flattened(yaml.safe_load((repository / "config" / file).read_text())["/**"]["ros__parameters"])
    assert given.keys() <= DEFAULTS.keys()
    MotionParameters(DEFAULTS | given).check()
    assert given["allow_execution"] is False


def test_the_defaults_contradict_nothing_and_move_nothing() -> None:
    MotionParameters(DEFAULTS).check()
    assert DEFAULTS["allow_execution"] is False
    assert DEFAULTS["max_velocity_scaling"] == DEFAULTS["max_acceleration_scaling"] == 0.1


def test_the_node_s_defaults_are_those_of_planning() -> None:
    parameters = MotionParameters(DEFAULTS)
    assert parameters.motion_rules() == MotionRules()
    assert parameters.handling_settings() == HandlingSettings()
    shape = parameters.gripper_shape()
    assert [getattr(shape, field.name) for field in fields(shape)] == [0.09, 0.03, 0.01]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"max_velocity_scaling": 0.0}, "max_velocity_scaling must be above 0 and at most 1, received 0"),
        ({"kind": "ground"}, "kind ground does not go with the follower move_group; accepted: arm with move_group"),
        ({"follower": "nav2"}, "kind arm does not go with the follower nav2"),
        ({"path.refuse": ["TOO_NEAR"]}, "path.refuse holds TOO_NEAR; accepted: OUTSIDE_WORKSPACE, TOO_CLOSE"),
        ({"gripper.box_m": [0.1, 0.0, 0.1]}, "gripper.box_m must be 3 lengths above 0 m"),
        ({"workspace_min_m": [1.0, 0.0, 0.0], "workspace_max_m": [0.0, 1.0, 1.0]}, "workspace_min_m must lie below"),
    ],
)
def test_what_contradicts_itself_is_refused(changed: dict, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        MotionParameters(DEFAULTS | changed).check()
    assert said in str(refused.value)


def test_every_follower_and_gripper_can_be_chosen() -> None:
    from robotracer_ros.motion.gripper import KINDS
    from robotracer_ros.nodes.chosen_follower import _KINDS

    assert set(FOLLOWERS) == set(_KINDS)
    assert set(GRIPPERS) == set(KINDS)


def test_a_gripper_without_a_shape_is_a_box_behind_the_tip() -> None:
    points = MotionParameters(DEFAULTS).gripper_box()
    np.testing.assert_allclose(np.ptp(points, axis=0), DEFAULTS["gripper.box_m"])
    assert points[:, 2].max() == pytest.approx(DEFAULTS["gripper.fingertip_m"])
