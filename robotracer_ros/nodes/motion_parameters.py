"""The parameters of motion_node: what they mean, and what is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning import PathSettings, ViolationKind
from robotracer_ros.planning.grasp import GripperShape
from robotracer_ros.planning.handling import MotionBounds
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.pick_and_place import HandlingSettings
from robotracer_ros.ros.params import Parameter, read
from robotracer_ros.ros.rgbd_settings import TRANSPORT_SUFFIX, RgbdSettings

FOLLOWERS: Final = ("move_group", "moveit_py", "nav2", "path_topic")
GRIPPERS: Final = ("none", "gripper_command", "parallel_gripper_command", "set_bool", "trigger")
_RECTIFIED: Final = {"auto": None, "always": True, "never": False}
_FAR_M: Final = 10.0
# Points on the sides of a gripper that is told as a box, metres apart.
_BOX_STEP_M: Final = 0.01

MOTION_PARAMETERS: Final = (
    Parameter("autostart", True, "configure and activate at once; false waits for a lifecycle manager", read_only=True),
    # What may move
    Parameter("allow_execution", False, "let goals move the robot; false previews them and refuses to follow"),
    Parameter("require_approval", False, "hold a goal after its preview until ~/approve is called"),
    Parameter("approval_timeout_s", 60.0, "how long a goal waits for approval", unit="s", low=0.1, high=86400.0),
    Parameter("max_plan_age_s", 90.0, "a plan older than this is not followed", unit="s", low=0.1, high=86400.0),
    Parameter("kind", "arm", "arm: carry an object along the trace; ground: drive along it", choices=("arm", "ground")),
    Parameter("follower", "move_group", "what makes the robot follow", choices=FOLLOWERS),
    Parameter("planning_frame", "base_link", "frame of paths and bounds; z up; a ground path's is map or odom"),
    # The trace
    Parameter("trace_service", "trace_node/get_trace", "where instructions are traced"),
    Parameter("trace_timeout_s", 60.0, "for the answer to an instruction", unit="s", low=0.1, high=3600.0),
    # The robot
    Parameter("robot_description", "", 'URDF; "" for the topic robot_description', read_only=True),
    Parameter("tip_link", "tool0", "link that follows the path, between the fingertips of a gripper"),
    Parameter("base_frame", "base_link", "frame of a mobile base, whose transform is watched while it drives"),
    Parameter("robot_timeout_s", 5.0, "how long to wait for the robot description", unit="s", low=0.0, high=60.0),
    Parameter("max_transform_age_s", 0.1, "TF may be silent for so long while the robot moves", unit="s", low=0.02,
              high=10.0),
    # The camera
    Parameter("image_transport", "raw", "of the colour image", choices=("raw", "compressed")),
    Parameter("depth_transport", "raw", "of the depth image", choices=tuple(TRANSPORT_SUFFIX)),
    Parameter("rectified", "auto", "whether colour is rectified; auto: by the topic's name", choices=tuple(_RECTIFIED)),
    Parameter("depth_unit_m", 0.001, "length of one count of a 16 bit depth image", unit="m", low=1e-6, high=1.0),
    Parameter("sync_slop", 0.02, "how far the stamps of colour and depth may differ", unit="s", low=0.0, high=1.0),
    Parameter("max_age_s", 1.0, "oldest image that obstacles are told from", unit="s", low=0.01, high=3600.0),
    Parameter("observation_timeout_s", 2.0, "how long to wait for a pair of images", unit="s", low=0.0, high=60.0),
    Parameter("transform_timeout_s", 1.0, "how long to wait for TF", unit="s", low=0.0, high=60.0),
    Parameter("tf_cache_s", 60.0, "how far back TF is remembered", unit="s", low=1.0, high=600.0),
    # Where the robot may go
    Parameter("workspace_min_m", [-_FAR_M] * 3, "corner of the box that the tip stays in", unit="m"),
    Parameter("workspace_max_m", [_FAR_M] * 3, "the opposite corner", unit="m"),
    Parameter("min_height_m", -_FAR_M, "least z of the tip", unit="m", low=-_FAR_M, high=_FAR_M),
    Parameter("clearance_m", 0.01,
              "of gripper, object and base to what the camera saw; 0 for no check, else for arms at least 0.005",
              unit="m", low=0.0, high=1.0),
    Parameter("contact_radius_m", 0.10, "around grasp and place, where touching is meant", unit="m", low=0.0, high=1.0),
    Parameter("object_radius_m", 0.15, "largest reach of the carried object", unit="m", low=0.001, high=2.0),
    # How it moves
    Parameter("max_velocity_scaling", 0.1, "share of the joints' speed, above 0 and at most 1", low=0.0, high=1.0),
    Parameter("max_acceleration_scaling", 0.1, "share of the joints' acceleration, above 0 and at most 1", low=0.0,
              high=1.0),
    Parameter("max_tip_speed_m_s", 0.25, "of the tip; faster motions are slowed down", unit="m/s", low=0.001, high=5.0),
    Parameter("min_fraction", 0.99, "least share of a path that must be reachable", low=0.01, high=1.0),
    Parameter("max_joint_step_rad", 0.5, "between two points of a trajectory", unit="rad", low=0.001, high=3.2),
    Parameter("max_path_deviation_m", 0.01, "of the tip from its path", unit="m", low=0.0001, high=0.2),
    Parameter("max_path_rotation_rad", 0.05, "of the tip from how its path turns", unit="rad", low=0.001, high=3.2),
    Parameter("start_tolerance_rad", 0.01, "of the joints from where a plan begins", unit="rad", low=0.0001, high=1.0),
    Parameter("approach_m", 0.08, "height over a grasp, before and after", unit="m", low=0.001, high=1.0),
    Parameter("transit_m", 0.18, "height over an object that the empty gripper comes and goes at", unit="m", low=0.001,
              high=2.0),
    Parameter("lift_m", 0.06, "how high an object is lifted", unit="m", low=0.001, high=1.0),
    Parameter("release_m", 0.005, "height over its place an object is let go at", unit="m", low=0.0001, high=0.5),
    Parameter("open_margin_m", 0.025, "how much wider than an object the gripper opens", unit="m", low=0.001, high=0.5),
    Parameter("return_home", True, "go back to where the tip began, out of the camera's sight, once nothing is held"),
    Parameter("spacing_m", 0.02, "longest step between two waypoints", unit="m", low=0.001, high=1.0),
    # The gripper
    Parameter("gripper.kind", "none", "how it is told: an action or a service", choices=GRIPPERS),
    Parameter("gripper.name", "", "of its action, or of the service that closes it"),
    Parameter("gripper.open_name", "", "of the service that opens it, for the kind trigger"),
    Parameter("gripper.joint_name", "", "of a finger, as joint_states and a parallel_gripper_command name it"),
    Parameter("gripper.require_held", True,
              "fingers that took nothing are an error; false for simulated ones that meet in any case"),
    Parameter("gripper.position_per_m", 1.0, "what it counts for a metre between the fingers", low=-1e6, high=1e6),
    Parameter("gripper.position_offset", 0.0, "what it counts when closed", low=-1e6, high=1e6),
    Parameter("gripper.max_effort", 0.0, "of closing, 0 for the driver's own", low=0.0, high=1e6),
    Parameter("gripper.max_width_m", 0.09, "between the open fingers", unit="m", low=0.001, high=1.0),
    Parameter("gripper.finger_depth_m", 0.03, "how deep under its top it takes things", unit="m", low=0.001, high=0.5),
    Parameter("gripper.fingertip_m", 0.01, "how far the fingers reach beyond tip_link", unit="m", low=0.001, high=0.5),
    Parameter("gripper.box_m", [0.08, 0.14, 0.15], "its size, where its shape is not wholly known",
              unit="m"),
    # MoveIt, or cartesian_path_node
    Parameter("move_group.group", "manipulator", "MoveIt's planning group"),
    Parameter("move_group.planning_frame", "", 'frame that waypoints are sent in; "" for the root of the robot'),
    Parameter("move_group.joint_names", [""], "of the group, where it leaves out joints between root and tip"),
    Parameter("move_group.controllers", [""], "MoveIt's names of those that shall execute; none for whichever fit"),
    Parameter("move_group.plan_timeout_s", 10.0, "how long MoveIt may plan", unit="s", low=0.1, high=600.0),
    Parameter("move_group.max_step_m", 0.01, "between two points that the planner looks at", unit="m", low=0.0005,
              high=0.1),
    Parameter("move_group.controller_action", "",
              'FollowJointTrajectory of the controller, cancelled for a stop; "" for MoveIt\'s own stop alone'),
    Parameter("move_group.planning_service", "compute_cartesian_path", "MoveIt's service"),
    Parameter("move_group.execute_action", "execute_trajectory", "MoveIt's action"),
    Parameter("move_group.event_topic", "trajectory_execution_event", "MoveIt's topic for a stop"),
    Parameter("move_group.server_silence_s", 1.0,
              "how long a process that executes may answer nothing, 0 for not asking", unit="s", low=0.0, high=60.0),
    Parameter("moveit_py.pipeline", "pilz_industrial_motion_planner", "MoveIt's name of the Pilz planner"),
    Parameter("moveit_py.parameter_files", [""], "YAML files with the parameters of a MoveIt configuration"),
    # How a moving arm is watched
    Parameter("joint_state_age_s", 0.1, "joint states may be silent for so long", unit="s", low=0.02, high=10.0),
    Parameter("max_joint_deviation_rad", 0.1, "of a joint from its trajectory", unit="rad", low=0.001, high=3.2),
    Parameter("end_tolerance_rad", 0.01, "of a joint from where it shall end", unit="rad", low=0.0001, high=1.0),
    Parameter("rest_speed_rad_s", 0.02, "a joint that is slower rests", unit="rad/s", low=1e-5, high=1.0),
    Parameter("stop_timeout_s", 5.0, "how long to wait for rest after a stop", unit="s", low=0.1, high=60.0),
    # Nav2, or its stand-in
    Parameter("nav2.action", "follow_path", "follow_path, or navigate_through_poses with Nav2's own planner",
              choices=("follow_path", "navigate_through_poses")),
    Parameter("nav2.action_name", "", 'where that action is; "" for its own name'),
    Parameter("nav2.controller_id", "", 'of follow_path; "" for the only one'),
    Parameter("nav2.goal_checker_id", "", 'of follow_path; "" for the only one'),
    Parameter("nav2.progress_checker_id", "", 'of follow_path; "" for the only one'),
    Parameter("nav2.behavior_tree", "", 'of navigate_through_poses; "" for the default'),
    Parameter("nav2.validity_service", "is_path_valid", 'asked first where it is there; "" for never'),
    Parameter("nav2.odometry_topic", "odom", "tells whether the base rests"),
    Parameter("nav2.odometry_age_s", 1.0, "odometry may be silent for so long", unit="s", low=0.02, high=60.0),
    Parameter("nav2.feedback_age_s", 1.0, "feedback may be silent for so long, once it came", unit="s", low=0.05,
              high=60.0),
    Parameter("nav2.end_tolerance_m", 0.3,
              "from the base to the path's end once Nav2 says it arrived; above its goal checker's own", unit="m",
              low=0.01, high=5.0),
    Parameter("nav2.global_frame", "map", "of Nav2's global costmap, in which paths are checked"),
    Parameter("path.ground_z_m", 0.0, "height of the ground in the planning frame", unit="m", low=-100.0, high=100.0),
    Parameter("path.obstacle_height_m", [0.05, 1.5], "heights over the ground that block a ground path", unit="m"),
    Parameter("path.smoothing_m", 0.0, "size of detail of a ground path ironed out", unit="m", low=0.0, high=1.0),
    Parameter("path.refuse", [kind.name for kind in ViolationKind if kind.name != "UNOBSERVED"],
              "what a ground path is refused for"),
    Parameter("path_topic.topic", "~/followed_path", "where the follower path_topic publishes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MotionParameters:
    """The values at one moment.

    Those of the camera, tf_cache_s, robot_description and trace_service count when the node activates, the others at
    every goal.
    """

    values: Mapping[str, Any]

    @classmethod
    def of(cls, node: Node) -> MotionParameters:
        """Read them from a node that declared `MOTION_PARAMETERS`."""
        return cls(read(node, MOTION_PARAMETERS))

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"motion_node has no parameter {name!r}") from None

    @property
    def watched_frame(self) -> str:
        """The frame whose transform is watched while the robot moves."""
        return str(self.values["base_frame" if self.values["kind"] == "ground" else "tip_link"])

    @property
    def knows_joints(self) -> bool:
        """Whether the follower plans joint trajectories."""
        return self.values["follower"] in ("move_group", "moveit_py")

    @property
    def refused(self) -> tuple[str, ...]:
        """Names of the violations a ground path is refused for."""
        return tuple(self.values["path.refuse"])

    def check(self) -> None:
        """Refuse values that contradict each other.

        Raises:
            InvalidRequest: naming them.
        """
        self.motion_rules()
        self.motion_bounds()
        self.handling_settings()
        self.gripper_shape()
        self.gripper_box()
        self.rgbd_settings()
        unknown = set(self.refused) - {kind.name for kind in ViolationKind} - {""}
        if unknown:
            kinds = ", ".join(kind.name for kind in ViolationKind)
            raise InvalidRequest(f"path.refuse holds {', '.join(sorted(unknown))}; accepted: {kinds}")
        is_ground = self.values["kind"] == "ground"
        if is_ground == self.knows_joints and self.values["follower"] != "path_topic":
            raise InvalidRequest(
                f"kind {self.values['kind']} does not go with the follower {self.values['follower']}; accepted: arm "
                f"with move_group, moveit_py or path_topic, ground with nav2 or path_topic"
            )
        if is_ground:
            self.path_settings()

    def motion_rules(self) -> MotionRules:
        """How far a motion may go."""
        return MotionRules(**self._named(MotionRules))

    def motion_bounds(self) -> MotionBounds:
        """Where the tip may go."""
        return MotionBounds(**self._named(MotionBounds))

    def handling_settings(self) -> HandlingSettings:
        """How objects are handled."""
        return HandlingSettings(**self._named(HandlingSettings))

    def gripper_shape(self) -> GripperShape:
        """What the gripper can take."""
        group = self.group("gripper")
        return GripperShape(**{field.name: group[field.name] for field in fields(GripperShape)})

    def gripper_box(self) -> FloatArray:
        """(K, 3) points on a box behind the tip link, for a gripper whose shape is not told.

        Raises:
            InvalidRequest: for a size that is no box.
        """
        size = np.array(self.values["gripper.box_m"], dtype=np.float64)
        if size.shape != (3,) or not ((size > 0) & (size < _FAR_M)).all():
            raise InvalidRequest(f"gripper.box_m must be 3 lengths above 0 m, received {size.tolist()}")
        ahead_m = self.values["gripper.fingertip_m"]
        steps = [np.linspace(-half, half, int(2 * half / _BOX_STEP_M) + 2) for half in size / 2]
        points = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)
        on_side = (np.abs(np.abs(points) - size / 2) < 1e-9).any(axis=1)
        return np.asarray(points[on_side] + [0.0, 0.0, ahead_m - size[2] / 2])

    def path_settings(self) -> PathSettings:
        """How a ground path is made and checked."""
        group = self.group("path")
        group.pop("refuse")
        values = self.values
        return PathSettings(
            kind="ground", spacing_m=values["spacing_m"], clearance_m=values["clearance_m"],
            workspace_min_m=values["workspace_min_m"], workspace_max_m=values["workspace_max_m"],
            contact_radius_m=values["contact_radius_m"], **group,
        )  # fmt: skip

    def rgbd_settings(self) -> RgbdSettings:
        """How the camera is heard."""
        return RgbdSettings(
            image_transport=self.values["image_transport"],
            depth_transport=self.values["depth_transport"],
            sync_slop_s=self.values["sync_slop"],
            depth_unit_m=self.values["depth_unit_m"],
            rectified=_RECTIFIED[self.values["rectified"]],
        )

    def execution_settings(self) -> ExecutionSettings:
        """How a motion of an arm is watched."""
        return ExecutionSettings(**self._named(ExecutionSettings))

    def described(self) -> str:
        """The choices that matter most, for the log."""
        names = ("kind", "follower", "planning_frame", "allow_execution", "require_approval", "max_velocity_scaling")
        return ", ".join(f"{name} {self.values[name]}" for name in names)

    def _named(self, settings: type) -> dict[str, Any]:
        return {field.name: self.values[field.name] for field in fields(settings) if field.name in self.values}

    def group(self, name: str) -> dict[str, Any]:
        """The parameters ``name.*``, without that prefix."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}
