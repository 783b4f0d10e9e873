"""Where an arm's tip is while a controller follows a joint trajectory."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory

# So many steps from one point to the next. Joints that rest at every point are fastest halfway, which the odd number
# puts inside a step: its mean is 0.6 % below the peak.
_SAMPLES: Final = 11


def tip_poses(
    trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str
) -> tuple[FloatArray, FloatArray]:
    """(S, 4, 4) of the tip seen from the base link at `moments`, by each of the two ways to pass from point to point.

    A joint_trajectory_controller goes by quintics where points tell accelerations, and by cubics where they tell
    velocities only; `TrajectoryFollower` goes by cubics always. What is checked must hold for both.
    """
    times_s, dense = trajectory.times_s, moments(trajectory)
    at = np.clip(np.searchsorted(times_s, dense, side="right") - 1, 0, len(times_s) - 2)
    span = (times_s[at + 1] - times_s[at])[:, None]
    share = (dense - times_s[at])[:, None] / span
    begin, way = trajectory.positions[at], trajectory.positions[at + 1] - trajectory.positions[at]
    leave, arrive = trajectory.velocities[at] * span, trajectory.velocities[at + 1] * span
    bend, unbend = trajectory.accelerations[at] * span**2, trajectory.accelerations[at + 1] * span**2
    cubic = begin + share * (leave + share * (3 * way - 2 * leave - arrive + share * (leave + arrive - 2 * way)))
    third = 10 * way - 6 * leave - 4 * arrive - 1.5 * bend + 0.5 * unbend
    fourth = -15 * way + 8 * leave + 7 * arrive + 1.5 * bend - unbend
    fifth = 6 * way - 3 * (leave + arrive) - 0.5 * (bend - unbend)
    quintic = begin + share * (leave + share * (bend / 2 + share * (third + share * (fourth + share * fifth))))
    one, other = (
        robot.place(tip_link, dict(zip(trajectory.joint_names, joints.T, strict=True)), base_link)
        for joints in (cubic, quintic)
    )
    return one, other


def moments(trajectory: JointTrajectory) -> FloatArray:
    """(S,) the trajectory's times and those between them at which the tip is looked at."""
    times_s = trajectory.times_s
    between = times_s[:-1, None] + np.diff(times_s)[:, None] * (np.arange(_SAMPLES) / _SAMPLES)
    return np.append(between.ravel(), times_s[-1])
