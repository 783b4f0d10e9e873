"""Trajectories and poses between their messages and core types."""

from __future__ import annotations

from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Pose
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage
from trajectory_msgs.msg import JointTrajectoryPoint
from transforms3d.quaternions import mat2quat, quat2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.trajectory import JointTrajectory

_UNIT_TOLERANCE = 1e-2


def trajectory_to_msg(trajectory: JointTrajectory) -> JointTrajectoryMessage:
    """With positions, velocities and accelerations at every point; the stamp is 0, which means at once."""
    message = JointTrajectoryMessage(joint_names=list(trajectory.joint_names))
    for time_s, positions, velocities, accelerations in zip(
        trajectory.times_s.tolist(), trajectory.positions, trajectory.velocities, trajectory.accelerations, strict=True
    ):
        point = JointTrajectoryPoint(time_from_start=duration_to_msg(time_s))
        point.positions, point.velocities = positions.tolist(), velocities.tolist()
        point.accelerations = accelerations.tolist()
        message.points.append(point)
    return message


def trajectory_from_msg(message: JointTrajectoryMessage) -> JointTrajectory:
    """Points that carry no velocities or accelerations have 0: they say nothing of how they are passed.

    Values are taken as they are, finite or not; `planning.motion_check` judges them.

    Raises:
        InvalidRequest: for a point with more or fewer numbers than there are joints, or none at all.
    """
    names, points = tuple(message.joint_names), message.points
    if not points or not names:
        raise InvalidRequest(f"a trajectory of {len(names)} joints and {len(points)} points is empty; accepted: some")
    return JointTrajectory(
        names,
        np.array([duration_from_msg(point.time_from_start) for point in points]),
        _numbers("positions", points, len(names)),
        _numbers("velocities", points, len(names)),
        _numbers("accelerations", points, len(names)),
    )


def duration_to_msg(seconds: float) -> Duration:
    """Rounded to nanoseconds."""
    nanoseconds = round(seconds * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def duration_from_msg(message: Duration) -> float:
    """In seconds."""
    return float(message.sec + message.nanosec * 1e-9)


def pose_to_msg(pose: FloatArray) -> Pose:
    """A (4, 4) pose; its quaternion has length 1."""
    message = Pose()
    message.position.x, message.position.y, message.position.z = pose[:3, 3].tolist()
    w, x, y, z = mat2quat(pose[:3, :3]).tolist()
    message.orientation.x, message.orientation.y, message.orientation.z, message.orientation.w = x, y, z, w
    return message


def pose_from_msg(message: Pose) -> FloatArray:
    """(4, 4).

    Raises:
        InvalidRequest: for numbers that are not finite, and a quaternion whose length is not 1.
    """
    at, turn = message.position, message.orientation
    wxyz = np.array([turn.w, turn.x, turn.y, turn.z])
    place = np.array([at.x, at.y, at.z])
    length = float(np.linalg.norm(wxyz))
    if not np.isfinite(place).all() or not abs(length - 1.0) <= _UNIT_TOLERANCE:
        raise InvalidRequest(
            f"a pose is a finite position and a quaternion of length 1, received {place.tolist()} and "
            f"{wxyz[[1, 2, 3, 0]].tolist()} (x, y, z, w) of length {length:g}"
        )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = quat2mat(wxyz / length), place
    return pose


def _numbers(name: str, points: Any, count: int) -> FloatArray:
    """(T, N) of one field of all points."""
    rows = [list(getattr(point, name)) for point in points]
    given = {len(row) for row in rows}
    if given == {count}:
        return np.array(rows)
    if given == {0} and name != "positions":
        return np.zeros((len(rows), count))
    raise InvalidRequest(f"every point needs {count} {name}, one for each joint; received {sorted(given)}")
