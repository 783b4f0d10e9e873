"""The parameters of cartesian_path_node: what they mean, and what is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.ros.params import Parameter, read

CARTESIAN_PARAMETERS: Final = (
    # The arm
    Parameter("robot_description", "", 'text of a URDF; "" for the topic robot_description', read_only=True),
    Parameter("group", "arm", "name that requests give as group_name", read_only=True),
    Parameter("tip_link", "", "link at the end of the arm; a request without a link name is about it", read_only=True),
    Parameter("base_link", "", 'link the arm begins at; "" for the root of the robot', read_only=True),
    Parameter("planning_frame", "", 'frame of waypoints that name none; "" for the root of the robot', read_only=True),
    # How fast
    Parameter("max_velocity_rad_s", [0.0],
              "of each joint from base to tip, or one for all; 0.0 for the URDF's, which are never exceeded",
              unit="rad/s or m/s", low=0.0, high=100.0, read_only=True),
    Parameter("max_acceleration_rad_s2", [1.0],
              "of each joint from base to tip, or one number for all; a URDF tells none",
              unit="rad/s² or m/s²", low=0.001, high=1000.0, read_only=True),
    Parameter("default_velocity_scaling", 0.1, "share of the velocities, for requests that say 0 or nothing",
              low=0.001, high=1.0),
    Parameter("default_acceleration_scaling", 0.1, "share of the accelerations, for requests that say 0 or nothing",
              low=0.001, high=1.0),
    Parameter("period_s", 0.1, "between two points of a trajectory", unit="s", low=0.004, high=1.0),
    # What is waited for
    Parameter("description_timeout_s", 5.0, "how long to wait for a robot description", unit="s", low=0.0, high=60.0),
    Parameter("transform_timeout_s", 1.0, "how long to wait for TF", unit="s", low=0.0, high=60.0),
    Parameter("joint_state_max_age_s", 0.5, "oldest joint state that counts, also while the arm moves", unit="s",
              low=0.01, high=10.0),
    Parameter("controller_timeout_s", 1.0, "how long to wait for a controller's answer", unit="s", low=0.05, high=60.0),
    # Execution
    Parameter("controller_action", "",
              'FollowJointTrajectory action, such as arm_controller/follow_joint_trajectory; "" for the topic '
              "joint_trajectory", read_only=True),
    Parameter("start_tolerance_rad", 0.01, "from where a joint is to where a trajectory begins", unit="rad or m",
              low=0.0001, high=1.0),
    Parameter("goal_tolerance_rad", 0.02, "from where a joint is to where a trajectory ends; for the topic alone",
              unit="rad or m", low=0.0001, high=1.0),
    Parameter("duration_scaling", 1.2, "times its duration, a trajectory may take", low=1.0, high=10.0),
    Parameter("duration_margin_s", 0.5, "and so much longer", unit="s", low=0.0, high=60.0),
    Parameter("rest_speed_rad_s", 0.01, "a joint that is no faster rests", unit="rad/s or m/s", low=1e-4, high=1.0),
    Parameter("stop_timeout_s", 1.0, "how long to wait for rest after a stop", unit="s", low=0.1, high=30.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CartesianParameters:
    """One reading of the parameters; attributes bear the parameters' names."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, node: Node) -> CartesianParameters:
        """Read them from a node that declared `CARTESIAN_PARAMETERS`."""
        return cls(read(node, CARTESIAN_PARAMETERS))

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"cartesian_path_node has no parameter {name!r}") from None

    def check(self) -> None:
        """Refuse what no robot description can mend.

        Raises:
            InvalidRequest: naming the parameter.
        """
        for name in ("tip_link", "group"):
            if not self.values[name]:
                raise InvalidRequest(f"parameter {name} is empty; accepted: a name, such as {_EXAMPLES[name]}")


_EXAMPLES: Final = {"tip_link": "tool0", "group": "arm"}
