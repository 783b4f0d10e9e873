"""Where a robot's joints and its tip stand now, told twice: by joint_states and by TF."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.robot_description import Joint, RobotDescription
from robotracer_ros.ros.joint_states import JointStates

# The two are of slightly different moments.
_SAME_M: Final = 0.02
_SAME_RAD: Final = 0.1


def positions_now(
    joints: JointStates, robot: RobotDescription, tip_link: str, max_age_s: float, timeout_s: float
) -> dict[str, float]:
    """Of every joint ever heard of; those that move the tip have to be heard of now.

    Raises:
        MotionRefused: naming the joints that nothing was heard of.
        InvalidRequest: for a tip link that the robot does not have.
    """
    heard = {name: reading.position for name, reading in joints.all().items() if name in robot.joints}
    moving = tuple(dict.fromkeys(filter(None, map(_mover, robot.chain(tip_link)))))
    return heard | joints.wait(moving, max_age_s, timeout_s)


def is_tool_told(robot: RobotDescription, tip_link: str, positions: dict[str, float]) -> bool:
    """Whether every joint behind the last one that moves the tip has a position."""
    wrist = [joint.name for joint in robot.chain(tip_link) if joint.moves][-1:]
    behind = [
        joint for joint in robot.joints.values() if set(wrist) & {above.name for above in robot.chain(joint.parent)}
    ]
    return {mover for joint in behind if (mover := _mover(joint))} <= set(positions)


def tip_now(
    robot: RobotDescription, positions: dict[str, float], frame_from_root: RigidTransform, by_tf: RigidTransform
) -> RigidTransform:
    """The tip by its joints.

    Args:
        by_tf: the same by TF.

    Raises:
        MotionRefused: where the two differ.
    """
    tip_link = by_tf.source_frame
    place = robot.place(tip_link, positions)[0]
    by_joints = frame_from_root @ RigidTransform(robot.root, tip_link, place[:3, :3], place[:3, 3])
    away_m = float(np.linalg.norm(by_joints.translation_m - by_tf.translation_m))
    cosine = (np.trace(by_joints.rotation.T @ by_tf.rotation) - 1) / 2
    turned_rad = float(np.arccos(np.clip(cosine, -1, 1)))
    if away_m > _SAME_M or turned_rad > _SAME_RAD:
        raise MotionRefused(
            f"TF and joint_states disagree about {tip_link!r} by {away_m:.3f} m and {turned_rad:.2f} rad; accepted: "
            f"{_SAME_M} m and {_SAME_RAD} rad. Is TF stale, or made from another robot description?"
        )
    return by_joints


def _mover(joint: Joint) -> str:
    """The joint that is told of where this one stands; "" for one that never moves."""
    return joint.mimics or (joint.name if joint.moves else "")
