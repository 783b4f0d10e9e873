"""Asks `compute_cartesian_path`, sends nothing that could break it, and believes nothing it says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from moveit_msgs.msg import MoveItErrorCodes, RobotState
from moveit_msgs.srv import GetCartesianPath
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import InvalidRequest, MotionRefused, NoTransform
from robotracer_ros.motion.arm_chain import ArmChain
from robotracer_ros.motion.calls import answered, constant_name, wait_until_ready
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.move_group_settings import MoveGroupSettings
from robotracer_ros.motion.moved_path import Lookup, path_now, pose_matrices
from robotracer_ros.planning.manipulation import Reach
from robotracer_ros.planning.motion_check import require_fraction
from robotracer_ros.planning.timing import slowed
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.trajectories import pose_to_msg, trajectory_from_msg


class CartesianClient:
    """A client of MoveIt's straight lines.

    One unknown link or joint, or a jump threshold up to 1, ends a genuine move_group (SIGABRT); success is what it
    answers to paths that it cannot follow at all. Hence the checks before and after.
    """

    def __init__(self, node: Node, settings: MoveGroupSettings, lookup: Lookup) -> None:
        self._node, self._settings, self._lookup = node, settings, lookup
        self._client = node.create_client(
            GetCartesianPath, settings.planning_service, callback_group=ReentrantCallbackGroup()
        )
        self._what = f"the service {self._client.srv_name}"

    def plan(
        self, chain: ArmChain, reach: Reach, start: Mapping[str, float], is_current: bool, stop: StopSign
    ) -> JointTrajectory:
        """A trajectory that may be followed.

        Args:
            start: of all the chain's joints.
            is_current: whether the robot stands there, so that MoveIt need not be told.

        Raises:
            MotionRefused: for a path or an answer that breaks a rule.
            MotionError: when the service is not there, goes away or takes too long.
            RobotracerError: no transform, or the reason of ``stop``.
        """
        waypoints = pose_matrices(path_now(reach.path, chain.base_link, self._lookup))
        if chain.is_there(start, waypoints):
            return chain.still(start)
        request = self._request(chain, reach, {} if is_current else start)
        wait_until_ready(self._client.service_is_ready, self._what, self._settings.server_timeout_s, stop)
        future = self._client.call_async(request)
        try:
            response = answered(
                future, self._what, self._settings.plan_timeout_s, stop, self._client.service_is_ready,
                "move_group.plan_timeout_s",
            )  # fmt: skip
        finally:
            self._client.remove_pending_request(future)
        return chain.checked(self._solution(response, len(waypoints)), waypoints, start, self._settings.rules)

    def close(self) -> None:
        """Let go of the service."""
        self._node.destroy_client(self._client)

    def _request(self, chain: ArmChain, reach: Reach, start: Mapping[str, float]) -> GetCartesianPath.Request:
        settings, rules = self._settings, self._settings.rules
        path = path_now(reach.path, self._planning_frame(chain), self._lookup)
        request = GetCartesianPath.Request(group_name=settings.group, link_name=chain.tip_link)
        request.header.frame_id = path.frame_id
        request.header.stamp = self._node.get_clock().now().to_msg()
        request.start_state = start_state(chain, start)
        request.waypoints = [pose_to_msg(pose) for pose in pose_matrices(path)]
        request.max_step, request.avoid_collisions = settings.max_step_m, True
        if hasattr(request, "max_velocity_scaling_factor"):
            request.max_velocity_scaling_factor = rules.max_velocity_scaling
            request.max_acceleration_scaling_factor = rules.max_acceleration_scaling
        return request

    def _planning_frame(self, chain: ArmChain) -> str:
        """A frame that MoveIt knows: a link, or one that TF carries to the robot."""
        frame = self._settings.planning_frame or chain.robot.root
        if frame not in chain.robot.links:
            try:
                self._lookup(chain.robot.root, frame, 0)
            except NoTransform as error:
                raise MotionRefused(
                    f"move_group.planning_frame {frame!r} is no link of the robot, and TF does not know it: {error}"
                ) from error
        return frame

    def _solution(self, response: GetCartesianPath.Response, waypoint_count: int) -> JointTrajectory:
        code = response.error_code
        if code.val != MoveItErrorCodes.SUCCESS:
            words = getattr(code, "message", "")
            raise MotionRefused(
                f"{self._what} answered {constant_name(MoveItErrorCodes, code.val)} ({code.val})"
                + (f": {words}" if words else f" for the group {self._settings.group!r}")
            )
        require_fraction(response.fraction, self._settings.rules, waypoint_count)
        if response.solution.multi_dof_joint_trajectory.points:
            raise MotionRefused("the trajectory also moves a joint of several degrees of freedom; accepted: an arm's")
        try:
            trajectory = trajectory_from_msg(response.solution.joint_trajectory)
        except InvalidRequest as error:
            raise MotionRefused(str(error)) from error
        if hasattr(GetCartesianPath.Request, "max_velocity_scaling_factor"):
            return trajectory
        # Humble cannot be told, and times for full speed and full acceleration.
        rules = self._settings.rules
        factor = max(1 / rules.max_velocity_scaling, float(np.sqrt(1 / rules.max_acceleration_scaling)))
        return slowed(trajectory, factor)


def start_state(chain: ArmChain, joints: Mapping[str, float]) -> RobotState:
    """What differs from the robot's present state, in names the robot knows.

    Raises:
        MotionRefused: for a name it does not know, and a number that is not finite.
    """
    try:
        chain.robot.require_joints(tuple(joints))
    except InvalidRequest as error:
        raise MotionRefused(str(error)) from error
    wrong = [name for name, position in joints.items() if not np.isfinite(position)]
    if wrong:
        raise MotionRefused(f"the position of {', '.join(wrong)} is not finite")
    positions = JointState(name=list(joints), position=[float(position) for position in joints.values()])
    return RobotState(joint_state=positions, is_diff=True)
