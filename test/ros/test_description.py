"""Files that a description names are found, read once, and told of where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory
from planning.meshes import binary_stl, box
from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.planning import tool_body
from robotracer_ros.ros.description import DescriptionSource, mesh_path

URDF = """<robot name="r"><link name="base"/>
  <joint name="turn" type="continuous"><parent link="base"/><child link="hand"/><axis xyz="0 0 1"/></joint>
  <link name="hand"><collision><geometry><mesh filename="{file}"/></geometry></collision></link></robot>"""


def test_uris_are_resolved(tmp_path: Path) -> None:
    share = Path(get_package_share_directory("robotracer_ros"))
    assert mesh_path("package://robotracer_ros/urdf/tabletop_arm.urdf") == share / "urdf" / "tabletop_arm.urdf"
    assert mesh_path(f"file://{tmp_path}/a%20b.stl") == mesh_path(f"file://localhost{tmp_path}/a b.stl")
    assert mesh_path(f"file://{tmp_path}/a%20b.stl") == mesh_path(f"{tmp_path}/a b.stl") == tmp_path / "a b.stl"


@pytest.mark.parametrize(
    "uri", ["", "hand.stl", "file://hand.stl", "http://host/hand.stl", "package://", "package://a"]
)
def test_other_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidRequest, match="accepted: package://NAME/"):
        mesh_path(uri)


@pytest.mark.parametrize("name", ["no_such_package", "..", "a b"])
def test_packages_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"the package .* is not there"):
        mesh_path(f"package://{name}/hand.stl")


def test_meshes_are_read_once(tmp_path: Path, make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def reading(path: Path) -> object:
        reads.append(path)
        return read(path)

    read = tool_body.read_triangles
    monkeypatch.setattr(tool_body, "read_triangles", reading)
    (tmp_path / "hand.stl").write_bytes(binary_stl(box((0, 0, 0), (0.05, 0.05, 0.05))))
    source = DescriptionSource(make_node("described"), URDF.format(file=f"file://{tmp_path}/hand.stl"))
    bodies = [source.body(0.0) for _ in range(3)]
    assert len(bodies[0].tool_points("hand")) > 100 and not bodies[0].unread
    assert reads == [tmp_path / "hand.stl"] and bodies[0] is bodies[2]


def test_a_missing_mesh_is_a_warning(make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node("described")
    warnings: list[str] = []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda _, text: warnings.append(text))
    source = DescriptionSource(node, URDF.format(file="package://no_such_package/hand.stl"))
    assert source.body(0.0) is source.body(0.0)
    (warning,) = warnings
    assert "\n  hand: package://no_such_package/hand.stl: the package 'no_such_package' is not there" in warning
    with pytest.raises(MotionRefused, match="no robot description within 0 s"):
        DescriptionSource(node).body(0.0)
