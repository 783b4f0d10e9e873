"""What a genuine move_group answered, as messages; points that were not recorded are put in again.

Of most answers only the first and the last point, the number of points and the times were recorded. The points between
are those of a recorded answer to the same request, or, where there is none, on the same straight line of the tip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from moveit_msgs.srv import GetCartesianPath
from planning.arms import pose, recorded

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.trajectories import trajectory_to_msg

CASES: dict[str, Any] = {case["name"]: case for case in recorded("cartesian.json")}
EXECUTED: dict[str, Any] = {case["name"]: case for case in recorded("execute.json")}
READY: dict[str, float] = recorded("ready.json")["joints"]
URDF: str = recorded("panda.urdf")
_POINTS = recorded("cartesian_points.json")


def numbers(values: Any) -> FloatArray:
    """NaN was written as text."""
    return np.array(values, dtype=float)


def answer(case: Any) -> GetCartesianPath.Response | None:
    """The recorded answer; None where move_group died."""
    given = case["response"]
    if given is None:
        return None
    message = GetCartesianPath.Response(fraction=given["fraction"])
    message.error_code.val = given["error_code"]["val"]
    if given["num_points"]:
        message.solution.joint_trajectory = trajectory_to_msg(trajectory(case))
    return message


def trajectory(case: Any) -> JointTrajectory:
    given, names = case["response"], tuple(case["response"]["joint_names"])
    for name, points in _POINTS.items():
        if name == case["name"] or _same(given, points):
            return JointTrajectory(
                names, numbers(points["time_from_start"]), numbers(points["positions"]), numbers(points["velocities"]),
                numbers(points["accelerations"]),
            )  # fmt: skip
    count = given["num_points"]
    times_s = np.append(0.1 * np.arange(count - 1), given["duration_s"]) if count > 1 else np.zeros(count)
    positions = _between(case, times_s / max(times_s[-1], 1e-9))
    velocities = np.zeros_like(positions)
    if count > 2:
        velocities[1:-1] = np.gradient(positions, times_s, axis=0)[1:-1]
    return JointTrajectory(names, times_s, positions, velocities, np.zeros_like(positions))


def _same(given: Any, points: Any) -> bool:
    times_s = points["time_from_start"]
    return (
        len(times_s) == given["num_points"]
        and len(given["joint_names"]) == 7
        and np.allclose(times_s[-1], given["duration_s"])
        and np.allclose(points["positions"][0], numbers(given["first_point"]), atol=1e-5)
        and np.allclose(points["positions"][-1], numbers(given["last_point"]), atol=1e-5)
    )


def _between(case: Any, shares: FloatArray) -> FloatArray:
    """(T, N) joints at shares of the way."""
    first, last = numbers(case["response"]["first_point"]), numbers(case["response"]["last_point"])
    request = case["request"]
    if case["response"]["fraction"] == 1.0 and len(shares) > 1 and len(first) == 7:
        try:
            waypoints = np.array([pose(waypoint) for waypoint in request["waypoints"]])
            arm = Arm(URDF, request["link_name"])
            found = follow_poses(arm, first, waypoints, 0.01)
        except InvalidRequest:
            found = None
        if found is not None and found.fraction == 1.0:
            rows = found.joints[:, [arm.joint_names.index(name) for name in case["response"]["joint_names"]]]
            # Every joint takes the time it needs to turn so far.
            along = np.append(0.0, np.cumsum(np.abs(np.diff(rows, axis=0)).max(axis=1)))
            return np.array([np.interp(shares * along[-1], along, column) for column in rows.T]).T
    return np.array(first + (last - first) * shares[:, None])
