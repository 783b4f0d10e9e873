"""The joints that requests name as one group: the arm, and how fast each of its joints may go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from moveit_msgs.msg import MoveItErrorCodes

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.cartesian_parameters import CartesianParameters
from robotracer_ros.nodes.moveit_errors import CodedError
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.robot_description import RobotDescription


class PlanningGroup:
    """The arm of a robot under the name that requests give it.

    Args:
        urdf: the robot description.
        parameters: which links it begins and ends at, and its limits.

    Attributes:
        urdf: the text it was made of.
        robot: the whole robot, its joints as fast as the parameters let them be.
        positioned: the joints of the robot that have a position.
        tip: the arm up to ``tip_link``.
        planning_frame: the frame of waypoints that name none.
        velocity, acceleration: (N,) limits of the joints, per second and second squared.

    Raises:
        InvalidRequest: for links that are not there, and for limits that are not those of the joints.
    """

    def __init__(self, urdf: str, parameters: CartesianParameters) -> None:
        self.urdf = urdf
        robot = RobotDescription.from_urdf(urdf)
        self.tip = Arm(urdf, parameters.tip_link, parameters.base_link)
        self.planning_frame = parameters.planning_frame or robot.root
        names = self.tip.joint_names
        wanted = _of_joints("max_velocity_rad_s", parameters.max_velocity_rad_s, names)
        told = self.tip.limits.velocity
        self.velocity = np.where(wanted > 0, np.minimum(wanted, told), told)
        self.acceleration = _of_joints("max_acceleration_rad_s2", parameters.max_acceleration_rad_s2, names)
        # A URDF that tells no speed leaves that to whoever plans.
        endless = [name for name, limit in zip(names, self.velocity, strict=True) if not np.isfinite(limit)]
        if endless:
            raise InvalidRequest(
                f"the robot description tells no velocity of {', '.join(endless)}; set max_velocity_rad_s"
            )
        own = zip(names, self.velocity.tolist(), strict=True)
        self.robot = replace(
            robot, joints={**robot.joints, **{name: replace(robot.joints[name], velocity=limit) for name, limit in own}}
        )
        self.positioned = [joint.name for joint in robot.joints.values() if joint.moves or joint.mimics]
        self._arms = {parameters.tip_link: self.tip}

    def arm(self, link: str) -> Arm:
        """The arm that ends at a link; "" for the tip link.

        Raises:
            CodedError: INVALID_LINK_NAME, for a link that does not move with the tip as one piece.
        """
        link = link or self.tip.tip_link
        if link not in self._arms:
            if link not in self.robot.links:
                raise CodedError(
                    MoveItErrorCodes.INVALID_LINK_NAME,
                    f"the robot has no link {link!r}; accepted: {', '.join(self._carried())}",
                )
            if link not in self._carried():
                raise CodedError(
                    MoveItErrorCodes.INVALID_LINK_NAME,
                    f"the link {link!r} does not move with the tip as one piece; accepted: "
                    f"{', '.join(self._carried())}",
                )
            self._arms[link] = Arm(self.urdf, link, self.tip.base_link)
        return self._arms[link]

    def limits_of(self, joint_names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
        """(N,) velocities and accelerations of joints of the group, in any order."""
        order = [self.tip.joint_names.index(name) for name in joint_names]
        return self.velocity[order], self.acceleration[order]

    def _carried(self) -> list[str]:
        """The links that stand still towards the tip link."""
        found = {self.tip.tip_link}
        fixed = [joint for joint in self.robot.joints.values() if joint.kind == "fixed"]
        for _ in fixed:
            for joint in fixed:
                if joint.parent in found or joint.child in found:
                    found |= {joint.parent, joint.child}
        return [link for link in self.robot.links if link in found]


def _of_joints(name: str, values: list[float], joint_names: tuple[str, ...]) -> FloatArray:
    """(N,) of as many values, or of one for all."""
    if len(values) not in (1, len(joint_names)):
        raise InvalidRequest(
            f"parameter {name} has {len(values)} values; accepted: one, or one for each of {', '.join(joint_names)}"
        )
    return np.resize(np.array(values), len(joint_names))
