"""The parameter file says what the table says, and the presets name parameters and topics that exist."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from robotracer_ros.backends import BACKENDS
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.lifting import LiftSettings
from robotracer_ros.nodes.trace_parameters import TRACE_PARAMETERS, TraceParameters
from robotracer_ros.planning import PathSettings
from robotracer_ros.ros.rgbd_settings import RgbdSettings

TOPICS = {"image_topic", "depth_topic", "camera_info_topic", "depth_camera_info_topic"}
DEFAULTS = {parameter.name: parameter.default for parameter in TRACE_PARAMETERS}


def flattened(tree: dict, prefix: str = "") -> dict:
    flat: dict = {}
    for key, value in tree.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_the_file_holds_every_parameter_with_its_default(repository: Path) -> None:
    tree = yaml.safe_load((repository / "config" / "tracer.yaml").read_text())
    assert flattened(tree["/**"]["ros__parameters"]) == DEFAULTS


def test_every_key_of_the_file_is_explained(repository: Path) -> None:
    lines = (repository / "config" / "tracer.yaml").read_text().splitlines()
    keys = [line for line in lines if ": " in line and not line.lstrip().startswith("#")]
    assert all("# " in line for line in keys)


def test_presets_name_all_topics_and_known_parameters(repository: Path) -> None:
    for name, preset in yaml.safe_load((repository / "config" / "cameras.yaml").read_text()).items():
        assert preset.keys() - {"parameters"} == TOPICS, name
        for key, value in preset.get("parameters", {}).items():
            assert type(value) is type(DEFAULTS[key]), (name, key)


def test_the_defaults_contradict_nothing() -> None:
    TraceParameters(DEFAULTS).check()


def group(name: str) -> dict:
    return {key.partition(".")[2]: value for key, value in DEFAULTS.items() if key.startswith(f"{name}.")}


def test_the_node_lifts_as_lifting_does_by_itself() -> None:
    assert group("lift") == {field.name: field.default for field in fields(LiftSettings)}


def test_the_node_plans_as_planning_does_by_itself_but_inside_a_box() -> None:
    asked = TraceParameters(DEFAULTS).path_settings()
    assert asked.workspace_min_m is not None
    assert asked.workspace_max_m is not None
    assert replace(asked, workspace_min_m=None, workspace_max_m=None) == PathSettings()


def test_the_node_hears_the_camera_as_the_ros_room_does_by_itself() -> None:
    assert TraceParameters(DEFAULTS).rgbd_settings() == RgbdSettings()


@pytest.mark.parametrize("name", BACKENDS)
def test_the_node_opens_a_backend_with_the_backend_s_own_defaults(name: str) -> None:
    entry = BACKENDS[name]
    opener = inspect.signature(getattr(import_module(entry.module), entry.opener)).parameters
    assert group(name) == {**dict.fromkeys(entry.required, ""), **{o: opener[o].default for o in entry.optional}}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"path.workspace_min_m": [1.0, 0.0, 0.0], "path.workspace_max_m": [0.0, 1.0, 1.0]}, "workspace_min_m"),
        ({"lift.window": 0.09, "lift.reach": 0.01}, "reach"),
        ({"path.smoothing_m": 1.0, "path.spacing_m": 0.001}, "smoothing_m"),
        ({"path.workspace_min_m": [1.0]}, "workspace_min_m"),
    ],
)
def test_values_that_contradict_each_other_are_refused(changed: dict, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        TraceParameters({**DEFAULTS, **changed}).check()


def test_a_backend_without_what_it_needs_names_the_parameter() -> None:
    with pytest.raises(InvalidRequest, match=r"answers.*replay\.\*"):
        TraceParameters({**DEFAULTS, "backend": "replay"}).open_tracer()
