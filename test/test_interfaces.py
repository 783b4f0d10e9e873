"""The interface definitions: one set of error codes, a comment for every field, and upstream's type hashes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from robotracer_ros.errors import RobotracerError
from robotracer_ros.families.reasoning import read_steps

CONSTANT = re.compile(r"^uint16 ([A-Z_]+)=(\d+)")
ANSWERING = ("srv/GetTrace.srv", "srv/Ask.srv", "action/FollowTrace.action")
OURS = ("msg", "srv", "action")


def error_codes(file: Path) -> dict[str, int]:
    """The error constants of an interface file: name to number."""
    return {found[1]: int(found[2]) for line in file.read_text().splitlines() if (found := CONSTANT.match(line))}


def exceptions(base: type[RobotracerError] = RobotracerError) -> Iterator[type[RobotracerError]]:
    """The whole tree, root first."""
    yield base
    for child in base.__subclasses__():
        yield from exceptions(child)


def test_the_three_interfaces_share_their_error_codes(repository: Path) -> None:
    trace, ask, follow = (error_codes(repository / name) for name in ANSWERING)
    assert trace["SUCCESS"] == 0
    assert trace == ask
    assert follow.items() >= trace.items()
    assert len(set(follow.values())) == len(follow)


@pytest.mark.parametrize("name", ANSWERING)
def test_every_exception_has_its_constant(repository: Path, name: str) -> None:
    codes = error_codes(repository / name)
    for exception in exceptions():
        if exception.code_name in codes or name == "action/FollowTrace.action":
            assert codes[exception.code_name] == exception.code, exception.__name__


def test_every_constant_has_its_exception(repository: Path) -> None:
    raised = {exception.code_name: exception.code for exception in exceptions()}
    wanted = error_codes(repository / "srv/GetTrace.srv")
    del wanted["SUCCESS"]
    assert raised.items() >= wanted.items()


def fields_without_comment(text: str) -> list[str]:
    """The fields and constants with no comment on their line or in the lines directly above them."""
    bare, explained = [], False
    for line in text.splitlines():
        declaration, hash_sign, _ = line.partition("#")
        if not declaration.strip():
            explained = bool(hash_sign)
        elif declaration.strip() != "---" and not (hash_sign or explained):
            bare.append(line)
    return bare


def test_a_field_without_comment_is_found() -> None:
    assert fields_without_comment("# The file.\n\nfloat64 x\n# In metres.\nfloat64 y\n") == ["float64 x"]


def test_every_field_has_a_comment(repository: Path) -> None:
    files = [file for folder in OURS for file in sorted((repository / folder).iterdir())]
    assert files
    assert {file.name: bare for file in files if (bare := fields_without_comment(file.read_text()))} == {}


def test_following_a_trace_is_a_preview_unless_the_goal_says_otherwise() -> None:
    action = pytest.importorskip("robotracer_ros.action", reason="the interfaces are not built")
    assert action.FollowTrace.Goal().preview_only is True


def test_a_trace_point_starts_with_no_source_of_depth() -> None:
    msg = pytest.importorskip("robotracer_ros.msg", reason="the interfaces are not built")
    sources = {msg.TracePoint.SENSOR, msg.TracePoint.MODEL, msg.TracePoint.INTERPOLATED}
    assert sources == {1, 2, 3}
    assert msg.TracePoint().depth_source not in sources


def built_hashes(package: str) -> dict[str, str]:
    """The type hashes in the installed descriptions of a package, the types it only uses left out."""
    index = pytest.importorskip("ament_index_python", reason="ROS 2 is absent")
    share = Path(index.get_package_share_directory(package))
    descriptions = [json.loads(file.read_text()) for folder in OURS for file in (share / folder).glob("*.json")]
    entries = [entry for description in descriptions for entry in description["type_hashes"]]
    own = {entry["type_name"]: entry["hash_string"] for entry in entries}
    # Events and the service halves of an action are made from the others.
    return {name: value for name, value in own.items() if name.startswith(f"{package}/") and "_Event" not in name}


def test_the_stand_in_interfaces_have_upstreams_type_hashes(repository: Path, shared: Path) -> None:
    if "ROBOTRACER_PIP_ROS" not in os.environ:
        pytest.skip("the interface packages of pip_ros are built only where ROS 2 comes from PyPI")
    recorded = json.loads((shared / "facts" / "type_hashes.json").read_text())["hashes"]
    for folder in sorted((repository / "pip_ros" / "interfaces").iterdir()):
        if not any(name.startswith(f"{folder.name}/") for name in recorded):
            # Nobody wrote down the hashes of Nav2's.
            assert folder.name == "nav2_msgs"
            continue
        built = built_hashes(folder.name)
        defined = {f"{folder.name}/{file.parent.name}/{file.stem}" for file in folder.glob("*/*.*")}
        assert defined, folder
        assert defined <= built.keys() & recorded.keys()
        assert {name: built[name] for name in built.keys() & recorded.keys()} == {
            name: recorded[name] for name in built.keys() & recorded.keys()
        }


def test_the_example_of_a_reasoning_step_is_what_reading_one_yields(repository: Path) -> None:
    """The comments of ReasoningStep.msg describe this step, which is one of RoboTracer's kind."""
    comments = (repository / "msg/ReasoningStep.msg").read_text()
    (step,) = read_steps("Step1: [Measuring] [the red mug]: 20 centimeters", lambda words: np.zeros((0, 3)))
    assert (step.kind, step.subject, step.text, step.value_m) == ("Measuring", "the red mug", "20 centimeters", 0.2)
    assert all(f'"{word}"' in comments for word in (step.kind, step.subject, step.text))


def test_following_has_error_codes_of_its_own_where_its_comment_says(repository: Path) -> None:
    answering, following = (error_codes(repository / name) for name in (ANSWERING[0], ANSWERING[2]))
    own = [code for name, code in following.items() if name not in answering]
    assert own
    said = re.compile(r"FollowTrace adds those of the motion, (\d+) to (\d+)\.")
    for name in ANSWERING:
        ((first, last),) = said.findall((repository / name).read_text())
        assert all(int(first) <= code <= int(last) for code in own)
