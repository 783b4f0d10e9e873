"""What a follower needs to know of a robot that has a move_group."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.motion_check import MotionRules


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How a motion is watched.

    Attributes:
        joint_state_age_s: how long joint states may be silent before a motion is stopped.
        max_joint_deviation_rad: of a joint from the trajectory, and beyond what its speed explains from one look to
            the next; also metres for a joint that slides.
        end_tolerance_rad: of the joints from the end of a trajectory that is said to be finished, within ``settle_s``.
        rest_speed_rad_s: joints slower than this rest.
        stop_timeout_s: how long to wait for a robot that was told to stop.
        duration_factor, duration_margin_s: how much longer than planned a motion may take, on the node's clock.

    Raises:
        InvalidRequest: for a number that is not above 0, and a factor below 1.
    """

    joint_state_age_s: float = 0.5
    max_joint_deviation_rad: float = 0.1
    end_tolerance_rad: float = 0.01
    settle_s: float = 1.0
    rest_speed_rad_s: float = 0.02
    stop_timeout_s: float = 5.0
    duration_factor: float = 1.5
    duration_margin_s: float = 3.0

    def __post_init__(self) -> None:
        require_positive(
            self, "joint_state_age_s", "max_joint_deviation_rad", "end_tolerance_rad", "settle_s", "rest_speed_rad_s",
            "stop_timeout_s", "duration_margin_s",
        )  # fmt: skip
        if not 1.0 <= self.duration_factor < np.inf:
            raise InvalidRequest(f"duration_factor must be at least 1, received {self.duration_factor}")


@dataclass(frozen=True, slots=True)
class MoveGroupSettings:
    """Names and bounds.

    Attributes:
        group: MoveIt's name of what is planned for, as in the SRDF.
        tip_link: that follows the path; read it from the robot, the Panda's is panda_link8.
        planning_frame: that waypoints are sent in: a link of the robot, or a frame that TF and MoveIt know; "" for the
            robot's root.
        joint_names: of the group, where it leaves out joints between the root and the tip; () for all.
        max_step_m: between two points that MoveIt looks at.
        controllers: MoveIt's names of those that shall execute; () for whichever fit. Humble cannot be told.
        server_silence_s: how long the process that executes may answer nothing, once it answered; 0 for not asking. The
            controller of one that crashed moves on, unless ``controller_action`` names it.
        controller_action: of the controller, FollowJointTrajectory, whose goals are cancelled for a stop; "" for none.

    Raises:
        InvalidRequest: for a group or tip link without a name, waypoints relative to the tip, which MoveIt takes for
            steps from one to the next, and numbers that are not above 0.
    """

    group: str
    tip_link: str
    planning_frame: str = ""
    joint_names: tuple[str, ...] = ()
    max_step_m: float = 0.01
    rules: MotionRules = field(default_factory=MotionRules)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    server_timeout_s: float = 5.0
    plan_timeout_s: float = 10.0
    server_silence_s: float = 1.0
    controllers: tuple[str, ...] = ()
    controller_action: str = ""
    planning_service: str = "compute_cartesian_path"
    execute_action: str = "execute_trajectory"
    event_topic: str = "trajectory_execution_event"

    def __post_init__(self) -> None:
        for name in ("group", "tip_link", "planning_service", "execute_action", "event_topic"):
            if not getattr(self, name):
                parameter = name if name == "tip_link" else f"move_group.{name}"
                raise InvalidRequest(f"{parameter} must be a name, received ''")
        if self.planning_frame == self.tip_link:
            raise InvalidRequest(
                f"move_group.planning_frame must not be the tip link, received {self.tip_link!r}; accepted: '' for the "
                f"root"
            )
        require_positive(self, "max_step_m", "server_timeout_s", "plan_timeout_s")
        if not 0 <= self.server_silence_s < np.inf:
            raise InvalidRequest(
                f"move_group.server_silence_s must be 0 or a number above it, received {self.server_silence_s}"
            )


def require_positive(settings: object, *names: str) -> None:
    """Check that these settings are above 0.

    Raises:
        InvalidRequest: naming the setting.
    """
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < np.inf:
            raise InvalidRequest(f"{name} must be a number above 0, received {value}")
