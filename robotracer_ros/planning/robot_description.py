"""What a URDF says of a robot: its links, its joints with their limits, and where a link is for given joints."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from transforms3d.euler import euler2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray

_MOVING: Final = ("revolute", "continuous", "prismatic")


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """One joint of a robot.

    Attributes:
        kind: as the URDF has it: revolute, continuous, prismatic, fixed, floating or planar.
        parent, child: links.
        origin: (4, 4) of the joint's frame seen from the parent.
        axis: (3,) unit vector in the joint's frame.
        lower, upper: of its position, radians or metres, the soft ones where they are narrower; infinite for a
            continuous joint.
        velocity: the fastest it may go, per second; infinite where the URDF does not say, or says 0, as those do whose
            limits are MoveIt's.
        mimics: the joint that moves this one, or ""; by ``multiplier`` times its position, and ``offset``.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: FloatArray
    axis: FloatArray
    lower: float
    upper: float
    velocity: float
    mimics: str
    multiplier: float
    offset: float

    @property
    def moves(self) -> bool:
        """Whether it has a position of its own."""
        return self.kind in _MOVING and not self.mimics

    def motion(self, positions: FloatArray) -> FloatArray:
        """(T, 4, 4) of the child's frame seen from the joint's frame at (T,) positions."""
        frames = np.tile(np.eye(4), (len(positions), 1, 1))
        if self.kind == "prismatic":
            frames[:, :3, 3] = positions[:, None] * self.axis
        elif self.kind in _MOVING:
            # Rodrigues.
            x, y, z = self.axis
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            sine, versine = np.sin(positions)[:, None, None], (1 - np.cos(positions))[:, None, None]
            frames[:, :3, :3] = np.eye(3) + sine * cross + versine * (cross @ cross)
        return frames


@dataclass(frozen=True, slots=True, eq=False)
class RobotDescription:
    """A robot as its URDF describes it.

    Attributes:
        name: of the robot.
        links: names, in the order of the URDF.
        joints: by name, likewise.
        root: the link that hangs on no joint.
    """

    name: str
    links: tuple[str, ...]
    joints: Mapping[str, Joint]
    root: str

    @classmethod
    def from_urdf(cls, urdf: str) -> RobotDescription:
        """Read a URDF.

        Raises:
            InvalidRequest: for XML that is no URDF, joints between links that are not there, several roots or none,
                and numbers that are none.
        """
        tree = parsed(urdf)
        links = tuple(link.get("name", "") for link in tree.iterfind("link"))
        joints = {joint.name: joint for joint in map(_joint, tree.iterfind("joint"))}
        for joint in joints.values():
            for link in (joint.parent, joint.child):
                if link not in links:
                    raise InvalidRequest(f"the joint {joint.name!r} hangs on {link!r}, which is no link of the robot")
        roots = sorted(set(links) - {joint.child for joint in joints.values()})
        if len(roots) != 1:
            raise InvalidRequest(f"a robot has one root link, the robot description has {', '.join(roots) or 'none'}")
        return cls(tree.get("name", ""), links, joints, roots[0])

    def chain(self, tip_link: str, base_link: str = "") -> tuple[Joint, ...]:
        """All joints from a base link, "" for the root, to a tip link.

        Raises:
            InvalidRequest: for links that are not there, and a tip that does not hang on the base.
        """
        self.require_link(tip_link)
        base_link = self.require_link(base_link) if base_link else self.root
        above = {joint.child: joint for joint in self.joints.values()}
        chain: list[Joint] = []
        link = tip_link
        while link in above and link != base_link and len(chain) <= len(self.joints):
            chain.append(above[link])
            link = above[link].parent
        if link != base_link:
            raise InvalidRequest(f"{tip_link!r} does not hang on {base_link!r}; it hangs on {link!r}")
        return tuple(reversed(chain))

    def require_link(self, name: str) -> str:
        """The name, where the robot has such a link.

        Raises:
            InvalidRequest: listing the links there are.
        """
        if name not in self.links:
            raise InvalidRequest(f"the robot has no link {name!r}; its links: {', '.join(self.links)}")
        return name

    def require_joints(self, names: Sequence[str]) -> tuple[Joint, ...]:
        """The joints of these names.

        Raises:
            InvalidRequest: for a name that is none, or stands for a joint that does not move by itself.
        """
        moving = [joint.name for joint in self.joints.values() if joint.moves]
        for name in names:
            if name not in moving:
                raise InvalidRequest(f"the robot has no joint {name!r} that moves; it has {', '.join(moving)}")
        return tuple(self.joints[name] for name in names)

    def endless(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(N,) which of these joints are continuous: drivers may tell their angles whole turns off."""
        return np.array([name in self.joints and self.joints[name].kind == "continuous" for name in names], dtype=bool)

    def place(self, tip_link: str, positions: Mapping[str, npt.ArrayLike], base_link: str = "") -> FloatArray:
        """(T, 4, 4) of a tip link seen from a base link, for (T,) positions of each joint by name; others stand at 0.

        Raises:
            InvalidRequest: as `chain`, and for positions of different lengths.
        """
        series = {name: np.atleast_1d(np.asarray(values, dtype=np.float64)) for name, values in positions.items()}
        lengths = {values.shape for values in series.values()}
        if len(lengths) > 1:
            raise InvalidRequest(f"every joint needs as many positions, received {sorted(lengths)}")
        count = next(iter(lengths))[0] if lengths else 1
        still = np.zeros(count)
        frames = np.tile(np.eye(4), (count, 1, 1))
        for joint in self.chain(tip_link, base_link):
            position = joint.multiplier * series.get(joint.mimics or joint.name, still) + joint.offset
            frames = frames @ joint.origin @ joint.motion(position)
        return frames


def shortest(differences: npt.ArrayLike, endless: npt.ArrayLike) -> FloatArray:
    """(..., N) differences between positions of joints, without whole turns where ``endless`` (N,) says so."""
    told = np.asarray(differences, dtype=np.float64)
    return np.where(endless, (told + np.pi) % (2 * np.pi) - np.pi, told)


def parsed(urdf: str) -> ET.Element:
    """The root of a URDF.

    Raises:
        InvalidRequest: for text that is no XML, and XML that is no robot.
    """
    try:
        # Before an XML declaration nothing may stand, and templates leave lines there.
        tree = ET.fromstring(urdf.lstrip())
    except ET.ParseError as error:
        raise InvalidRequest(f"the robot description is no XML: {error}; accepted: a URDF") from error
    if tree.tag != "robot":
        raise InvalidRequest(f"the robot description must be a URDF, whose root is <robot>; received <{tree.tag}>")
    return tree


def _joint(element: ET.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    parent, child, given, mimic, safety = (
        _attributes(element, part) for part in ("parent", "child", "limit", "mimic", "safety_controller")
    )
    axis = _numbers(element.find("axis"), "xyz", (1.0, 0.0, 0.0), name)
    length = float(np.linalg.norm(axis))
    if kind in _MOVING and not length > 0:
        raise InvalidRequest(f"the axis of the joint {name!r} has no direction")
    endless = kind == "continuous"
    return Joint(
        name, kind, parent.get("link", ""), child.get("link", ""), _origin(element.find("origin"), name),
        axis / (length or 1.0),
        # The narrower of the two, as in MoveIt (robot_model.cpp).
        lower=-np.inf if endless else max(
            _number(given, "lower", 0.0, name), _number(safety, "soft_lower_limit", -np.inf, name)),
        upper=np.inf if endless else min(
            _number(given, "upper", 0.0, name), _number(safety, "soft_upper_limit", np.inf, name)),
        velocity=_speed(given, name), mimics=mimic.get("joint", ""),
        multiplier=_number(mimic, "multiplier", 1.0, name), offset=_number(mimic, "offset", 0.0, name),
    )  # fmt: skip


def _attributes(element: ET.Element, part: str) -> Mapping[str, str]:
    found = element.find(part)
    return {} if found is None else found.attrib


def _origin(element: ET.Element | None, joint: str) -> FloatArray:
    frame = np.eye(4)
    frame[:3, 3] = _numbers(element, "xyz", (0.0, 0.0, 0.0), joint)
    # Fixed axes x, y, z, as URDF's rpy is meant.
    frame[:3, :3] = euler2mat(*_numbers(element, "rpy", (0.0, 0.0, 0.0), joint), axes="sxyz")
    return frame


def _numbers(element: ET.Element | None, name: str, default: tuple[float, ...], joint: str) -> FloatArray:
    text = None if element is None else element.get(name)
    if text is None:
        return np.array(default)
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise InvalidRequest(f"{name} of the joint {joint!r} must be numbers, received {text!r}") from error
    if values.shape != (len(default),) or not np.isfinite(values).all():
        raise InvalidRequest(f"{name} of the joint {joint!r} must be {len(default)} finite numbers, received {text!r}")
    return values


def _speed(given: Mapping[str, str], joint: str) -> float:
    told = _number(given, "velocity", 0.0, joint)
    return told if told > 0 else np.inf


def _number(given: Mapping[str, str], name: str, default: float, joint: str) -> float:
    try:
        return float(given.get(name, default))
    except ValueError as error:
        raise InvalidRequest(f"{name} of the joint {joint!r} must be a number, received {given[name]!r}") from error
