"""What the simulator told of a demonstration's motion, as its judge takes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.demo_motion import Moment
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.sim.arm_world import TIP_LINK
from robotracer_ros.sim.mirror import base_from_things
from robotracer_ros.sim.motion_log import Motion
from robotracer_ros.sim.mount import BASE_FRAME
from robotracer_ros.sim.outcome import Rest


def tips_m(moments: Sequence[Moment], urdf: str) -> FloatArray:
    """(T, 3) where the tip was, in the arm's base frame."""
    robot = RobotDescription.from_urdf(urdf)
    names = [joint.name for joint in robot.chain(TIP_LINK, BASE_FRAME) if joint.moves]
    series = {name: np.array([moment.joints.get(name, np.nan) for moment in moments]) for name in names}
    return np.asarray(robot.place(TIP_LINK, series, BASE_FRAME)[:, :3, 3])


def rest_of(moments: Sequence[Moment], base_from_table: RigidTransform, urdf: str) -> Rest:
    """How the scene stood at the last moment, and what had happened by then.

    Raises:
        InvalidRequest: without a moment.
    """
    if not moments:
        raise InvalidRequest("nothing was seen of the motion; accepted: at least one moment")
    table_from_base, truth = base_from_table.inverse(), moments[-1].truth
    places = [
        {label: table_from_base @ place for label, place in base_from_things(moment.truth).items()}
        for moment in moments
    ]
    motion = Motion(
        np.array([moment.truth["time_s"] for moment in moments]),
        table_from_base.apply(tips_m(moments, urdf)),
        {label: np.array([place[label].translation_m for place in places]) for label in places[-1]},
    )
    return Rest(places[-1], {(one, other) for one, other in truth["touching"]}, tuple(truth["held"]), motion)
