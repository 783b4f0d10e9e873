"""The robot's body as points, told from the collision shapes of the robot description."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from transforms3d.euler import euler2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.mesh import read_triangles, surface_points
from robotracer_ros.planning.robot_description import Joint, RobotDescription, parsed

# Between two points of the body: half a finger's width, so that nothing passes between them.
SPACING_M: Final = 0.01
# A grid of more points is as large as a hall.
_MOST_POINTS: Final = 20_000_000

# The file that a mesh's URI names; raises InvalidRequest where it names none.
Resolve: TypeAlias = Callable[[str], Path]


def unresolved(uri: str) -> Path:
    """A `Resolve` that finds nothing."""
    raise InvalidRequest("nobody here knows where it is")


@dataclass(frozen=True, slots=True, eq=False)
class RobotBody:
    """Where the surface of a robot is.

    Attributes:
        robot: its links and joints.
        clouds: (K, 3) points on the collision shapes of each link, in the link's frame, `SPACING_M` apart.
        unread: for each link with a shape that could not be read, which and why.
    """

    robot: RobotDescription
    clouds: Mapping[str, FloatArray]
    unread: Mapping[str, str]

    @classmethod
    def from_urdf(cls, urdf: str, resolve: Resolve = unresolved) -> RobotBody:
        """Read the collision shapes of a URDF; meshes, which may lack, in STL and OBJ files.

        Raises:
            InvalidRequest: for a robot description that cannot be used.
        """
        robot = RobotDescription.from_urdf(urdf)
        clouds: dict[str, FloatArray] = {}
        unread: dict[str, str] = {}
        for link in parsed(urdf).iterfind("link"):
            name, shapes = link.get("name", ""), [np.zeros((0, 3))]
            for collision in link.iterfind("collision"):
                try:
                    shapes.append(_placed(collision, resolve))
                except _Unread as error:
                    unread[name] = str(error)
            clouds[name] = np.concatenate(shapes)
        return cls(robot, clouds, unread)

    def points(self, positions: Mapping[str, float]) -> FloatArray:
        """(K, 3) points on the whole robot, seen from its root link."""
        return self._seen_from(self.robot.root, self.robot.links, positions)

    def tool_points(self, tip_link: str, positions: Mapping[str, float] | None = None) -> FloatArray:
        """(K, 3) points on everything that moves with the tip, seen from the tip link.

        That is all links behind the last joint that moves the tip.

        Args:
            positions: of the gripper's joints by name, where they are not 0.

        Raises:
            InvalidRequest: for a tip link that cannot be used.
        """
        wrist = self._wrist(tip_link).child
        cloud = self._seen_from(wrist, self._behind(wrist), positions or {})
        given = {name: np.array([value]) for name, value in (positions or {}).items()}
        tip_from_wrist = np.linalg.inv(self.robot.place(tip_link, given, wrist)[0])
        return np.asarray(cloud @ tip_from_wrist[:3, :3].T + tip_from_wrist[:3, 3])

    def knows_tool(self, tip_link: str) -> bool:
        """Whether `tool_points` are all of the tool: every shape of it was read, and it reaches to the tip.

        Raises:
            InvalidRequest: for a tip link that cannot be used.
        """
        behind = self._behind(self._wrist(tip_link).child)
        foremost_m = self.tool_points(tip_link)[:, 2].max(initial=-np.inf)
        return not behind & set(self.unread) and bool(foremost_m >= -SPACING_M)

    def _wrist(self, tip_link: str) -> Joint:
        """The last joint that moves the tip."""
        chain = [joint for joint in self.robot.chain(tip_link) if joint.moves]
        if not chain:
            raise InvalidRequest(f"no joint moves {tip_link!r}; a tip link hangs on revolute or prismatic joints")
        return chain[-1]

    def _behind(self, link: str) -> set[str]:
        """Everything that hangs on a link, itself included."""
        held = {link}
        while more := {joint.child for joint in self.robot.joints.values() if joint.parent in held} - held:
            held |= more
        return held

    def _seen_from(self, base_link: str, links: Iterable[str], positions: Mapping[str, float]) -> FloatArray:
        given = {name: np.array([value]) for name, value in positions.items()}
        clouds = [np.zeros((0, 3))]
        for link, cloud in self.clouds.items():
            if link in links and len(cloud):
                base_from_link = self.robot.place(link, given, base_link)[0]
                clouds.append(cloud @ base_from_link[:3, :3].T + base_from_link[:3, 3])
        return np.concatenate(clouds)


class _Unread(Exception):
    """A shape that is left out."""


def _placed(collision: ET.Element, resolve: Resolve) -> FloatArray:
    """Points on a collision shape, in the link's frame."""
    found = _surface(collision, resolve)
    origin = collision.find("origin")
    given = {} if origin is None else origin.attrib
    turn = euler2mat(*_numbers(given.get("rpy", "0 0 0")), axes="sxyz")
    return np.asarray(found @ turn.T + _numbers(given.get("xyz", "0 0 0")))


def _surface(collision: ET.Element, resolve: Resolve) -> FloatArray:
    box, cylinder, sphere, mesh = (
        collision.find(f"geometry/{kind}") for kind in ("box", "cylinder", "sphere", "mesh")
    )  # fmt: skip
    if box is not None:
        return _grid(_numbers(box.get("size", "0 0 0")))
    if cylinder is not None:
        (radius,), (length,) = (_numbers(cylinder.get(name, "0"), 1) for name in ("radius", "length"))
        cube = _grid(np.array([2 * radius, 2 * radius, length]))
        away = np.maximum(np.hypot(cube[:, 0], cube[:, 1]) / max(radius, 1e-9), 1.0)
        return np.column_stack([cube[:, :2] / away[:, None], cube[:, 2]])
    if sphere is not None:
        (radius,) = _numbers(sphere.get("radius", "0"), 1)
        cube = _grid(np.full(3, 2 * radius))
        return np.asarray(cube / np.maximum(np.linalg.norm(cube, axis=1) / max(radius, 1e-9), 1.0)[:, None])
    if mesh is not None:
        return _mesh(mesh, resolve)
    raise _Unread("a collision shape that is no box, cylinder, sphere or mesh")


def _mesh(mesh: ET.Element, resolve: Resolve) -> FloatArray:
    uri = mesh.get("filename", "")
    try:
        scale = _numbers(mesh.get("scale", "1 1 1"))
        return surface_points(read_triangles(resolve(uri)) * scale, SPACING_M)
    except InvalidRequest as error:
        raise _Unread(f"{uri or 'a mesh without filename'}: {error}") from error


def _grid(size: FloatArray) -> FloatArray:
    """Points on the surface of a box around the origin."""
    counts = np.maximum(np.ceil(size / SPACING_M) + 1, 2)
    if counts.prod() > _MOST_POINTS:
        raise _Unread(f"a collision shape of {' x '.join(f'{side:.3g}' for side in size)} m, too large for a robot")
    sides = [np.linspace(-side / 2, side / 2, int(count)) for side, count in zip(size, counts, strict=True)]
    points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    on_surface = (np.abs(np.abs(points) - size / 2) < 1e-9).any(axis=1)
    return np.asarray(points[on_surface])


def _numbers(text: str, count: int = 3) -> FloatArray:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise InvalidRequest(f"a collision shape must be told in numbers, received {text!r}") from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise InvalidRequest(f"a collision shape must be told in {count} finite numbers, received {text!r}")
    return values
