"""Which room may import which, read from the sources without importing them.

Rooms stand on floors and import only from floors below; rooms of one floor do not know each other. Outside libraries
are free, apart from the few that are tied to a floor or to a file because not every machine has them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "robotracer_ros"

FLOORS: dict[str, int] = {
    "errors": 0, "geometry": 0, "query": 0, "checkpoints": 0, "packaged": 0,
    "families": 1, "backends": 1, "planning": 1, "models": 1,
    "caption": 1, "rgbd_files": 1, "sim": 1,
    "tracer": 2, "server": 2, "overlay": 2,
    "bench": 3, "training": 3, "commands": 3,
    "ros": 4,
    "motion": 5,
    "nodes": 6, "cli": 6,
}  # fmt: skip

# Rooms of floor 0 are layers themselves: geometry raises the errors, and a query holds what geometry defines.
NEIGHBOURS = {("geometry", "errors"), ("query", "errors"), ("query", "geometry"), ("packaged", "errors"),
              ("checkpoints", "errors"), ("checkpoints", "packaged")}  # fmt: skip

# The ways up and sideways, looked for only once somebody asks for them: the command line's demo belongs to the nodes,
# and RoboTracer's architecture must be known to transformers before a checkpoint of it is loaded.
LATE = {
    "commands/demo.py": {"rclpy", f"{PACKAGE}.nodes.demo"},
    "backends/transformers_loading.py": {f"{PACKAGE}.models"},
}

ROS_FLOOR = 4
ROS_LIBRARIES = {
    "action_msgs", "ament_index_python", "builtin_interfaces", "control_msgs", "cv_bridge", "diagnostic_msgs",
    "diagnostic_updater", "geometry_msgs", "launch", "launch_ros", "lifecycle_msgs", "message_filters", "moveit_msgs",
    "nav2_msgs", "nav_msgs", "object_recognition_msgs", "rcl_interfaces", "rclpy", "rosgraph_msgs",
    "rosidl_runtime_py", "sensor_msgs", "sensor_msgs_py", "shape_msgs", "std_msgs", "std_srvs", "tf2_geometry_msgs",
    "tf2_msgs", "tf2_ros", "trajectory_msgs", "unique_identifier_msgs", "visualization_msgs",
}  # fmt: skip

# Library: where it may be imported, as folders and files below the package.
MODEL_STACK = ("models/", "training/", "backends/transformers_")
TIED: dict[str, tuple[str, ...]] = {
    "torch": MODEL_STACK,
    "torchvision": MODEL_STACK,
    "transformers": MODEL_STACK,
    "tokenizers": MODEL_STACK,
    "huggingface_hub": MODEL_STACK,
    "llguidance": ("backends/transformers_grammar.py",),
    "accelerate": MODEL_STACK,
    "safetensors": MODEL_STACK,
    "open3d": ("planning/",),
    "pinocchio": ("planning/kinematics.py",),
    "mujoco": ("sim/",),
    "glfw": ("sim/display.py",),
    "moveit": ("motion/moveit_py.py",),
    "requests": ("backends/",),
    "matplotlib": ("training/", "bench/", "nodes/demo_pictures.py"),
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One import of one file: the dotted name that is imported, and the line."""

    module: str
    line: int


def imports_of(source: str, module: str, is_package: bool) -> Iterator[Import]:
    """Every import in `source`, at any depth, import_module("...") included.

    Relative ones are resolved against the dotted name of `module`.
    """
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (Import(arg.value, node.lineno) for arg in node.args if isinstance(arg, ast.Constant))
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # `from robotracer_ros import tracer` imports a room by its last word.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == PACKAGE else [base]
            yield from (Import(name, node.lineno) for name in names)


def violations(folder: Path) -> list[str]:
    """What the package in `folder` imports against the rules, one sentence each."""
    found = []
    for file in sorted(folder.rglob("*.py")):
        inside = file.relative_to(folder)
        if inside.as_posix() == "__init__.py":
            continue
        room = inside.parts[0].removesuffix(".py")
        parts = inside.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join([PACKAGE, *(parts[:-1] if is_package else parts)])
        if room not in FLOORS:
            found.append(f"{inside}: the room '{room}' is on no floor; known: {', '.join(FLOORS)}")
            continue
        for imported in imports_of(file.read_text(), module, is_package):
            reason = objection(inside.as_posix(), room, imported.module)
            if reason:
                found.append(f"{inside}:{imported.line}: {imported.module}: {reason}")
    return found


def objection(file: str, room: str, imported: str) -> str:
    """Why `file` of `room` must not import this, or "" when it may."""
    if imported in LATE.get(file, ()):
        return ""
    top, _, rest = imported.partition(".")
    floor = FLOORS[room]
    if top == PACKAGE:
        return objection_to_room(room, rest.partition(".")[0])
    if top in ROS_LIBRARIES and floor < ROS_FLOOR:
        return f"ROS begins on floor {ROS_FLOOR}, and '{room}' is on floor {floor}"
    allowed = TIED.get(top)
    if allowed is not None and not file.startswith(allowed):
        return f"only in {', '.join(allowed)}"
    return ""


def objection_to_room(room: str, other: str) -> str:
    """Why `room` must not import `other`, a room of this package or its generated interfaces."""
    floor = FLOORS[room]
    if other in ("msg", "srv", "action"):
        return "" if floor >= ROS_FLOOR else f"ROS begins on floor {ROS_FLOOR}, and '{room}' is on floor {floor}"
    if other in ("", room) or (room, other) in NEIGHBOURS:
        return ""
    if other not in FLOORS:
        return f"no such room; known: {', '.join(FLOORS)}"
    if FLOORS[other] > floor:
        return f"upward, from floor {floor} to floor {FLOORS[other]}"
    if FLOORS[other] == floor:
        return f"sideways on floor {floor}"
    return ""


def test_the_package_keeps_to_its_floors(repository: Path) -> None:
    folder = repository / PACKAGE
    assert len(list(folder.rglob("*.py"))) > 5, f"nothing to read in {folder}"
    assert violations(folder) == []


@pytest.mark.parametrize(
    ("file", "source", "reason"),
    [
        ("geometry/camera.py", "from robotracer_ros.tracer import Tracer", "upward, from floor 0 to floor 2"),
        ("geometry/camera.py", "from ..tracer import Tracer", "upward, from floor 0 to floor 2"),
        ("errors.py", "from robotracer_ros import geometry", "sideways on floor 0"),
        ("families/robotracer.py", "import robotracer_ros.backends.replay", "sideways on floor 1"),
        ("families/robotracer.py", "from robotracer_ros import backends", "sideways on floor 1"),
        ("families/robotracer.py", "def late():\n    from ..backends import replay", "sideways on floor 1"),
        ("families/__init__.py", "from ..backends import replay", "sideways on floor 1"),
        ("nodes/trace_node.py", "from .. import cli", "sideways on floor 6"),
        ("tracer.py", "import rclpy.node", "ROS begins on floor 4"),
        ("planning/path.py", "from nav_msgs.msg import Path", "ROS begins on floor 4"),
        ("bench/report.py", "from robotracer_ros.msg import SpatialTrace", "ROS begins on floor 4"),
        ("tracer.py", "import torch.nn", "only in models/, training/"),
        ("backends/replay.py", "import torch", "only in models/, training/"),
        ("nodes/motion_node.py", "from moveit.planning import MoveItPy", "only in motion/moveit_py.py"),
        ("geometry/cloud.py", "import open3d", "only in planning/"),
        ("tracer.py", "import requests", "only in backends/"),
        ("tracer.py", "from robotracer_ros.colour import red", "no such room"),
        ("commands/demo.py", "import_module('robotracer_ros.nodes.trace_node')", "upward, from floor 3 to floor 6"),
        ("commands/lift.py", "importlib.import_module('rclpy')", "ROS begins on floor 4"),
        ("tools/x.py", "", "on no floor"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, source: str, reason: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(file.partition(":")[0])
    assert reason in found[0]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("geometry/camera.py", "import numpy\nfrom ..errors import NoDepth\nfrom .transform import RigidTransform"),
        ("query.py", "from robotracer_ros.geometry.camera import CameraIntrinsics"),
        ("families/__init__.py", "from . import robotracer"),
        ("backends/transformers_local.py", "import torch"),
        ("backends/query_api.py", "import requests"),
        ("nodes/trace_node.py", "import rclpy\nfrom robotracer_ros.msg import SpatialTrace\nfrom ..ros import rgbd"),
        ("commands/demo.py", "import_module('robotracer_ros.nodes.demo')"),
        ("backends/transformers_loading.py", "import_module('robotracer_ros.models')"),
        ("__init__.py", "import anything"),
    ],
)
def test_an_allowed_import_is_not(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert violations(tmp_path) == []
