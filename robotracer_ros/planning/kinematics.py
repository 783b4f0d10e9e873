"""A serial arm from its URDF: where its tip is, which joints bring the tip to a pose, and where it meets itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.robot_description import Joint, RobotDescription, parsed

# A solution misses its pose by no more, metres and radians: a hundredth of MoveIt's CartesianPrecision.
TOLERANCE: Final = 1e-5
_MOST_STEPS: Final = 60
# Levenberg-Marquardt: damping far from a singularity, and how it follows the error (Sugihara 2011).
_LEAST_DAMPING: Final = 1e-7
_DAMPING: Final = 1e-1
# What a joint may turn in one step of the solver, so that a singularity throws it nowhere.
_LONGEST_STEP_RAD: Final = 0.2
# Joints that turn without end have no limits; a number this large keeps their value one number.
_ENDLESS_RAD: Final = 1e6
_SAMPLES: Final = 64
# Links that touch in this share of random poses are built to touch, like the fingers of a closed hand.
_ALWAYS: Final = 0.9
# Pinocchio keeps links, joints and its own "universe" by name in one list; a URDF may use a name for both.
_LINK: Final = "link "


@dataclass(frozen=True, slots=True, eq=False)
class JointLimits:
    """Of (N,) joints: positions from ``lower`` to ``upper``, radians or metres, and ``velocity`` per second."""

    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray


class Arm:
    """The joints between a base link and a tip link; all other joints of the robot stay at zero.

    Args:
        urdf: the robot description, XML. Meshes are not read: links collide by their primitive shapes.
        tip_link: the link that follows paths.
        base_link: where the chain begins; "" for the robot's root.

    Attributes:
        joint_names: from base to tip.
        limits: of these joints.

    Raises:
        InvalidRequest: for XML that is no robot, unknown links, a chain without a joint that moves, and one with a
            joint that another moves or that has several degrees of freedom.
    """

    def __init__(self, urdf: str, tip_link: str, base_link: str = "") -> None:
        robot = RobotDescription.from_urdf(urdf)
        chain = _moving(robot, tip_link, base_link)
        self.tip_link = tip_link
        self.base_link = base_link or robot.root
        self.joint_names = tuple(joint.name for joint in chain)
        self.limits = JointLimits(*(_of_joints(chain, name) for name in ("lower", "upper", "velocity")))
        self._pin, self._model, self._shapes = _reduced(parsed(urdf), self.joint_names)
        self._data = self._model.createData()
        self._tip, self._base = (self._model.getFrameId(_LINK + link) for link in (tip_link, self.base_link))
        self._order = [self._model.joints[self._model.getJointId(name)].idx_q for name in self.joint_names]
        self._shape_data = self._pin.GeometryData(self._shapes)
        self._leave_out_neighbours()

    def tip(self, joints: npt.ArrayLike) -> FloatArray:
        """(4, 4) the tip's pose seen from the base link at (N,) joints."""
        self._pin.framesForwardKinematics(self._model, self._data, self._spread(joints))
        base, tip = self._data.oMf[self._base], self._data.oMf[self._tip]
        return np.asarray(base.actInv(tip).homogeneous)

    def solve(self, target: FloatArray, near: npt.ArrayLike) -> FloatArray:
        """(N,) joints within their limits that bring the tip to a (4, 4) pose, close to ``near``; NaN where none do.

        Damped least squares, with damping that grows with the error (Sugihara, Solvability-unconcerned inverse
        kinematics, 2011): near a singularity the joints slow down instead of racing.
        """
        joints = np.clip(frozen_floats("near", near, (len(self.joint_names),)), self.limits.lower, self.limits.upper)
        wanted = self._pin.SE3(target[:3, :3], target[:3, 3])
        error = self._error(joints, wanted)
        for _ in range(_MOST_STEPS):
            if np.abs(error).max() < TOLERANCE:
                return joints
            step = self._step(joints, error)
            joints = np.clip(joints + step, self.limits.lower, self.limits.upper)
            error = self._error(joints, wanted)
        return np.full(len(joints), np.nan)

    def self_collision(self, joints: npt.ArrayLike) -> tuple[str, str] | None:
        """Two links that meet at (N,) joints, or None; links without primitive shapes meet nothing."""
        pin = self._pin
        hit = pin.computeCollisions(
            self._model, self._data, self._shapes, self._shape_data, self._spread(joints), True
        )  # fmt: skip
        if not hit:
            return None
        for pair, result in zip(self._shapes.collisionPairs, self._shape_data.collisionResults, strict=True):
            if result.isCollision():
                return self._links(pair)
        raise RuntimeError("a collision was reported of no pair")

    def _links(self, pair: Any) -> tuple[str, str]:
        first, second = (
            self._model.frames[self._shapes.geometryObjects[at].parentFrame].name.removeprefix(_LINK)
            for at in (pair.first, pair.second)
        )
        return first, second

    def _error(self, joints: FloatArray, wanted: Any) -> FloatArray:
        """(6,) metres and radians from the tip to where it is wanted, in the tip's frame."""
        pin = self._pin
        pin.framesForwardKinematics(self._model, self._data, self._spread(joints))
        tip = self._data.oMf[self._base].actInv(self._data.oMf[self._tip])
        return np.asarray(pin.log6(tip.actInv(wanted)).vector)

    def _step(self, joints: FloatArray, error: FloatArray) -> FloatArray:
        pin = self._pin
        jacobian = pin.computeFrameJacobian(self._model, self._data, self._spread(joints), self._tip, pin.LOCAL)
        jacobian = jacobian[:, self._order]
        damping = _DAMPING * float(error @ error) + _LEAST_DAMPING
        # A joint at its limit that would be pushed beyond takes no part.
        free = np.ones(len(joints), dtype=bool)
        for _ in range(2):
            moving = jacobian[:, free]
            normal = moving.T @ moving + damping * np.eye(moving.shape[1])
            step = np.zeros(len(joints))
            step[free] = np.linalg.solve(normal, moving.T @ error)
            beyond = ((joints <= self.limits.lower) & (step < 0)) | ((joints >= self.limits.upper) & (step > 0))
            if not beyond.any():
                break
            free &= ~beyond
            step[beyond] = 0.0
        longest = np.abs(step).max(initial=0.0)
        return step * min(1.0, _LONGEST_STEP_RAD / longest) if longest > 0 else step

    def _spread(self, joints: npt.ArrayLike) -> FloatArray:
        spread = np.empty(len(self._order))
        spread[self._order] = np.asarray(joints, dtype=np.float64)
        return spread

    def _leave_out_neighbours(self) -> None:
        """Keep the pairs of links that can meet: not those that share a joint, nor those that touch in every pose."""
        shapes = self._shapes
        shapes.addAllCollisionPairs()
        for pair in list(shapes.collisionPairs):
            first, second = (shapes.geometryObjects[at].parentJoint for at in (pair.first, pair.second))
            if first == second or self._model.parents[first] == second or self._model.parents[second] == first:
                shapes.removeCollisionPair(pair)
        self._shape_data = self._pin.GeometryData(shapes)
        if not len(shapes.collisionPairs):
            return
        rng = np.random.default_rng(0)
        lower, upper = (np.clip(side, -np.pi, np.pi) for side in (self.limits.lower, self.limits.upper))
        touches = np.zeros(len(shapes.collisionPairs))
        for _ in range(_SAMPLES):
            spread = self._spread(rng.uniform(lower, upper))
            self._pin.computeCollisions(self._model, self._data, shapes, self._shape_data, spread, False)
            touches += [result.isCollision() for result in self._shape_data.collisionResults]
        for pair, share in zip(list(shapes.collisionPairs), touches / _SAMPLES, strict=True):
            if share > _ALWAYS:
                shapes.removeCollisionPair(pair)
        self._shape_data = self._pin.GeometryData(shapes)


def _moving(robot: RobotDescription, tip_link: str, base_link: str) -> list[Joint]:
    """The joints from base to tip that have a position."""
    chain = [joint for joint in robot.chain(tip_link, base_link) if joint.kind != "fixed"]
    for joint in chain:
        if not joint.moves:
            what = f"mimics {joint.mimics!r}" if joint.mimics else f"is {joint.kind or 'of no type'}"
            raise InvalidRequest(
                f"the joint {joint.name!r} between {base_link or robot.root!r} and {tip_link!r} {what}; accepted "
                f"between them: revolute, continuous, prismatic and fixed joints, so a base_link such as "
                f"{joint.child!r}"
            )
        if not joint.lower <= joint.upper:
            raise InvalidRequest(
                f"the limits of the joint {joint.name!r} must go from low to high, received {joint.lower} to "
                f"{joint.upper}"
            )
    if not chain:
        raise InvalidRequest(f"no joint moves {tip_link!r}; a tip link hangs on revolute or prismatic joints")
    return chain


def _of_joints(joints: Sequence[Joint], limit: str) -> FloatArray:
    values = np.array([getattr(joint, limit) for joint in joints])
    values = values if limit == "velocity" else np.clip(values, -_ENDLESS_RAD, _ENDLESS_RAD)
    return frozen_floats(limit, values, (None,))


def _reduced(tree: ET.Element, joint_names: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """Pinocchio, its model with these joints alone, and the primitive shapes of all links."""
    # Hundreds of megabytes that only an arm without MoveIt needs.
    import pinocchio as pin

    for joint in tree.iterfind("joint"):
        if joint.get("type") == "continuous":
            joint.set("type", "revolute")
            limit = joint.find("limit")
            limit = ET.SubElement(joint, "limit", effort="0", velocity="0") if limit is None else limit
            limit.set("lower", str(-_ENDLESS_RAD))
            limit.set("upper", str(_ENDLESS_RAD))
    for parent_or_child in tree.findall("joint/parent") + tree.findall("joint/child"):
        parent_or_child.set("link", _LINK + parent_or_child.get("link", ""))
    for link in tree.iterfind("link"):
        link.set("name", _LINK + link.get("name", ""))
        for shape in link.findall("collision") + link.findall("visual"):
            if shape.tag == "visual" or shape.find("geometry/mesh") is not None:
                link.remove(shape)
    xml = ET.tostring(tree, encoding="unicode")
    try:
        model = pin.buildModelFromXML(xml)
        shapes = pin.buildGeomFromUrdfString(model, xml, pin.GeometryType.COLLISION)
        locked = [model.getJointId(name) for name in model.names[1:] if name not in joint_names]
        return pin, *pin.buildReducedModel(model, shapes, locked, pin.neutral(model))
    except (ValueError, RuntimeError) as error:
        raise InvalidRequest(f"the robot description cannot be used: {error}") from error
