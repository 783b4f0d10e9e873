"""The arm as MuJoCo simulates it: its URDF, with servos, a gripper that limits its force, and skin that holds."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any, Final

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.engine import mujoco

# Geoms are told apart by group: what the arm looks like, and what it touches with. Others are the table and its things.
LOOKS_GROUP: Final = 1
TOUCH_GROUP: Final = 0
# Things and the table meet everything; the arm's links meet them, and each other where they are no neighbours.
WORLD_BIT: Final = 1
ARM_BIT: Final = 2
GRIPPER: Final = "gripper"
FINGERS: Final = ("finger_joint", "right_finger_joint")
FINGER_LINKS: Final = ("left_finger", "right_finger")
# A servo's stiffness (N m/rad) and damping (N m s/rad): critical for the inertia that hangs on the joint, and rotor
# inertia (kg m2) as the reduction shows it.
_SERVOS: Final[Mapping[str, tuple[float, float, float]]] = {
    "shoulder_pan_joint": (8000.0, 400.0, 0.3), "shoulder_lift_joint": (8000.0, 400.0, 0.3),
    "elbow_joint": (6000.0, 220.0, 0.3), "wrist_1_joint": (1500.0, 30.0, 0.05),
    "wrist_2_joint": (1500.0, 30.0, 0.05), "wrist_3_joint": (800.0, 15.0, 0.05),
}  # fmt: skip
# Of the gap between the fingers: N/m and N s/m; each finger weighs with its drive as much as this, kg.
_GRIPPER_SERVO: Final = (6000.0, 120.0)
_FINGER_DRIVE_KG: Final = 0.3
# What each finger presses with unless told otherwise.
EFFORT_N: Final = 40.0
# Rubber on what is held: sliding, and against turning about the contact's normal (m), as a patch of 1 cm does.
_FINGER_FRICTION: Final = (1.2, 0.012, 0.0005)
_LINK_FRICTION: Final = (0.5, 0.005, 0.0001)
_STIFF: Final = (0.004, 1.0)
SERVOED: Final = tuple(_SERVOS)
# Neighbours over this many joints overlap where their shapes are coarser than the robot.
_NEIGHBOURS: Final = 2


def arm_spec(urdf: str, base_m: FloatArray, yaw_rad: float) -> Any:
    """A `mujoco.MjSpec` whose world is the robot's surroundings, the arm's base at (3,) metres and turned about z.

    Gravity is compensated for the arm's own weight, as the controllers of such arms do it; the load is not.

    Raises:
        InvalidRequest: for a URDF without these joints.
    """
    spec = mujoco.MjSpec.from_string(_with_all_links(urdf))
    present = {joint.name for joint in spec.joints}
    if missing := [name for name in (*_SERVOS, *FINGERS) if name not in present]:
        raise InvalidRequest(f"the simulated arm needs the joints {', '.join(missing)}, which its URDF does not have")
    base = spec.worldbody.first_body()
    base.pos = base_m
    base.quat = about_z(yaw_rad)
    _skin(spec)
    for name, (stiffness, damping, rotor) in _SERVOS.items():
        spec.joint(name).armature = rotor
        _servo(spec.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name), stiffness, damping)
    gap = spec.add_tendon(name=GRIPPER)
    for name in FINGERS:
        spec.joint(name).armature = _FINGER_DRIVE_KG
        gap.wrap_joint(name, 1.0)
    drive = spec.add_actuator(name=GRIPPER, trntype=mujoco.mjtTrn.mjTRN_TENDON, target=GRIPPER)
    _servo(drive, *_GRIPPER_SERVO)
    drive.forcerange = (-EFFORT_N, EFFORT_N)
    for coupling in spec.equalities:
        coupling.solref = _STIFF
    return spec


def about_z(angle_rad: float) -> list[float]:
    """The quaternion w, x, y, z of a turn about z."""
    return [math.cos(angle_rad / 2), 0.0, 0.0, math.sin(angle_rad / 2)]


def _with_all_links(urdf: str) -> str:
    """The URDF with a word to MuJoCo's reader, which leaves out what is only seen and melts links that do not move."""
    tree = ET.fromstring(urdf)
    ET.SubElement(ET.SubElement(tree, "mujoco"), "compiler", discardvisual="false", fusestatic="false")
    return ET.tostring(tree, encoding="unicode")


def _servo(actuator: Any, stiffness: float, damping: float) -> None:
    """Force = stiffness x (ctrl - position) - damping x velocity."""
    actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    actuator.gainprm[0] = stiffness
    actuator.biasprm[1:3] = (-stiffness, -damping)


def _skin(spec: Any) -> None:
    """What each shape is for, and which links do not meet."""
    for body in spec.bodies[1:]:
        body.gravcomp = 1.0
        for geom in body.geoms:
            if geom.contype == 0 and geom.conaffinity == 0:
                geom.group = LOOKS_GROUP
                continue
            geom.group, geom.contype, geom.conaffinity = TOUCH_GROUP, ARM_BIT, WORLD_BIT | ARM_BIT
            finger = body.name in FINGER_LINKS
            geom.friction = _FINGER_FRICTION if finger else _LINK_FRICTION
            geom.condim = 4
            geom.solref, geom.priority = _STIFF, int(finger)
    for body in spec.bodies[1:]:
        above, joints = body.parent, len(body.joints)
        while above.name != "world" and joints <= _NEIGHBOURS:
            spec.add_exclude(bodyname1=body.name, bodyname2=above.name)
            joints += len(above.joints)
            above = above.parent
    # Closed fingers touch.
    spec.add_exclude(bodyname1=FINGER_LINKS[0], bodyname2=FINGER_LINKS[1])
