"""The gripper's body as points, told from the collision shapes of the robot description."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from transforms3d.euler import euler2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.robot_description import RobotDescription, parsed

# Between two points of the body: half a finger's width, so that nothing passes between them.
SPACING_M: Final = 0.01


def tool_points(urdf: str, tip_link: str, positions: Mapping[str, float] | None = None) -> FloatArray:
    """(K, 3) points on everything that moves with the tip, seen from the tip link, `SPACING_M` apart.

    That is all links behind the last joint that moves the tip. Meshes are left out: their extent is not known here.

    Args:
        positions: of the gripper's joints by name, where they are not 0.

    Raises:
        InvalidRequest: for a robot description or a tip link that cannot be used.
    """
    robot = RobotDescription.from_urdf(urdf)
    chain = [joint for joint in robot.chain(tip_link) if joint.moves]
    if not chain:
        raise InvalidRequest(f"no joint moves {tip_link!r}; a tip link hangs on revolute or prismatic joints")
    wrist = chain[-1].child
    cloud = _points(urdf, robot, wrist, positions or {})
    given = {name: np.array([value]) for name, value in (positions or {}).items()}
    tip_from_wrist = np.linalg.inv(robot.place(tip_link, given, wrist)[0])
    return np.asarray(cloud @ tip_from_wrist[:3, :3].T + tip_from_wrist[:3, 3])


def robot_points(urdf: str, positions: Mapping[str, float]) -> FloatArray:
    """(K, 3) points on the whole robot, seen from its root link; meshes are left out.

    Raises:
        InvalidRequest: for a robot description that cannot be used.
    """
    robot = RobotDescription.from_urdf(urdf)
    return _points(urdf, robot, robot.root, positions)


def _points(urdf: str, robot: RobotDescription, base_link: str, positions: Mapping[str, float]) -> FloatArray:
    """(K, 3) points on everything that hangs on a link, itself included, seen from it."""
    given = {name: np.array([value]) for name, value in positions.items()}
    held = {base_link}
    while more := {joint.child for joint in robot.joints.values() if joint.parent in held} - held:
        held |= more
    clouds = [np.zeros((0, 3))]
    for link in parsed(urdf).iterfind("link"):
        if link.get("name") in held:
            base_from_link = robot.place(link.get("name", ""), given, base_link)[0]
            clouds += [cloud @ base_from_link[:3, :3].T + base_from_link[:3, 3] for cloud in _shapes(link)]
    return np.concatenate(clouds)


def _shapes(link: ET.Element) -> Iterator[FloatArray]:
    """Points on each primitive collision shape of a link, in the link's frame."""
    for collision in link.iterfind("collision"):
        found = _surface(collision)
        if found is None:
            continue
        origin = collision.find("origin")
        given = {} if origin is None else origin.attrib
        turn = euler2mat(*_numbers(given.get("rpy", "0 0 0")), axes="sxyz")
        yield found @ turn.T + _numbers(given.get("xyz", "0 0 0"))


def _surface(collision: ET.Element) -> FloatArray | None:
    box, cylinder, sphere = (collision.find(f"geometry/{kind}") for kind in ("box", "cylinder", "sphere"))
    if box is not None:
        return _grid(_numbers(box.get("size", "0 0 0")))
    if cylinder is not None:
        radius, length = float(cylinder.get("radius", 0)), float(cylinder.get("length", 0))
        cube = _grid(np.array([2 * radius, 2 * radius, length]))
        away = np.maximum(np.hypot(cube[:, 0], cube[:, 1]) / max(radius, 1e-9), 1.0)
        return np.column_stack([cube[:, :2] / away[:, None], cube[:, 2]])
    if sphere is not None:
        radius = float(sphere.get("radius", 0))
        cube = _grid(np.full(3, 2 * radius))
        return np.asarray(cube / np.maximum(np.linalg.norm(cube, axis=1) / max(radius, 1e-9), 1.0)[:, None])
    return None


def _grid(size: FloatArray) -> FloatArray:
    """Points on the surface of a box around the origin."""
    sides = [np.linspace(-length / 2, length / 2, max(2, int(np.ceil(length / SPACING_M)) + 1)) for length in size]
    points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    on_surface = (np.abs(np.abs(points) - size / 2) < 1e-9).any(axis=1)
    return np.asarray(points[on_surface])


def _numbers(text: str) -> FloatArray:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise InvalidRequest(f"a collision shape must be told in numbers, received {text!r}") from error
    if values.shape != (3,) or not np.isfinite(values).all():
        raise InvalidRequest(f"a collision shape must be told in 3 finite numbers, received {text!r}")
    return values
