"""The interfaces that the wheels lack, by the hashes of the genuine ones: with them, ROS 2 nodes anywhere connect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INTERFACES = ROOT / "pip_ros" / "interfaces"
INSTALLED = ROOT / ".ros" / "ws" / "install" / "share"
GENUINE = ROOT.parent / "shared" / "facts" / "type_hashes.json"


def definitions() -> list[Path]:
    """Every definition, relative to the folder of interfaces: tf2_msgs/msg/TFMessage.msg and so on."""
    return sorted(path.relative_to(INTERFACES) for path in INTERFACES.glob("*/*/*") if path.parent.name in path.suffix)


def test_there_are_definitions_to_compare() -> None:
    assert len(definitions()) > 20


@pytest.mark.parametrize("path", definitions(), ids=str)
def test_an_interface_has_the_hashes_of_the_genuine_one(path: Path) -> None:
    if not GENUINE.exists() or not INSTALLED.exists():
        pytest.skip(f"{GENUINE} or {INSTALLED} is not there")
    genuine = json.loads(GENUINE.read_text())["hashes"]
    described = json.loads((INSTALLED / path.with_suffix(".json")).read_text())
    ours = {entry["type_name"]: entry["hash_string"] for entry in described["type_hashes"]}
    known = {name: value for name, value in ours.items() if name in genuine}
    if not known:
        pytest.skip(f"nobody recorded the hashes of {path.parts[0]}")
    assert known == {name: genuine[name] for name in known}
    assert str(path.with_suffix("")) in known
