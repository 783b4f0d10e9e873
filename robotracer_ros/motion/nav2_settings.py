"""What a follower by Nav2 is told: names and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.motion.move_group_settings import require_positive

ACTIONS: Final = ("follow_path", "navigate_through_poses")
# REP-105: Nav2's controller carries a path into the robot's frame again and again, so it must stand in the world.
WORLD_FRAMES: Final = ("map", "odom")


@dataclass(frozen=True, slots=True)
class Nav2Settings:
    """Names and bounds.

    Attributes:
        action: follow_path, which follows the path as it is, or navigate_through_poses, which plans between its poses.
        action_name: where that action is; "" for Nav2's own name.
        controller_id, goal_checker_id, progress_checker_id: Nav2's plugins; "" where one of a kind is loaded.
        behavior_tree: a file for navigate_through_poses; "" for Nav2's own.
        frame: that paths are sent in: map or odom, in a namespace or not.
        validity_service: nav2_msgs/IsPathValid, asked where it is there; "" for never.
        global_frame: of Nav2's global costmap; the service looks every pose up there, whatever frame it names.
        base_frame: of the base, whose place TF tells.
        end_tolerance_m: from the base to the last pose, once Nav2 says it arrived; above its goal checker's own.
        odometry_topic: tells whether the base rests.
        feedback_age_s: how long the action may tell nothing, once it told something, and before that its process; so
            late a crash is noticed.
        min_speed_m_s: a motion that would be slower than this from end to end is stopped.

    Raises:
        InvalidRequest: for an unknown action, a frame that moves with the robot, and numbers that are not above 0.
    """

    action: str = "follow_path"
    action_name: str = ""
    controller_id: str = ""
    goal_checker_id: str = ""
    progress_checker_id: str = ""
    behavior_tree: str = ""
    frame: str = "map"
    validity_service: str = "is_path_valid"
    global_frame: str = "map"
    base_frame: str = "base_link"
    end_tolerance_m: float = 0.3
    odometry_topic: str = "odom"
    odometry_age_s: float = 1.0
    feedback_age_s: float = 1.0
    min_speed_m_s: float = 0.02
    duration_margin_s: float = 30.0
    server_timeout_s: float = 5.0
    stop_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise InvalidRequest(f"nav2.action must be one of {', '.join(ACTIONS)}, received {self.action!r}")
        if self.frame.rsplit("/", 1)[-1] not in WORLD_FRAMES:
            raise InvalidRequest(
                f"a path for Nav2 must stand in the world, received the frame {self.frame!r}; accepted as "
                f"planning_frame: map or odom"
            )
        if not self.global_frame:
            raise InvalidRequest("nav2.global_frame must be a frame, received ''")
        require_positive(
            self, "end_tolerance_m", "odometry_age_s", "feedback_age_s", "min_speed_m_s", "duration_margin_s",
            "server_timeout_s", "stop_timeout_s",
        )  # fmt: skip
