"""cartesian_path_node: MoveIt's compute_cartesian_path and execute_trajectory for an arm without MoveIt."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from moveit_msgs.action import ExecuteTrajectory
from moveit_msgs.msg import DisplayTrajectory, MoveItErrorCodes, RobotState, RobotTrajectory
from moveit_msgs.srv import GetCartesianPath
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import String

from robotracer_ros.errors import Cancelled, RobotracerError
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.cartesian_group import PlanningGroup
from robotracer_ros.nodes.cartesian_motion import CartesianMotion, follow
from robotracer_ros.nodes.cartesian_parameters import CARTESIAN_PARAMETERS, CartesianParameters
from robotracer_ros.nodes.cartesian_requests import CartesianRequest, read_request
from robotracer_ros.nodes.moveit_errors import CodedError, answered_as, code_name, error_code_to_msg
from robotracer_ros.nodes.running import run
from robotracer_ros.nodes.trajectory_execution import TrajectoryExecution
from robotracer_ros.ros.description import DescriptionSource
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.goal_end import end_without_success
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.params import declare
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos, service_qos
from robotracer_ros.ros.trajectories import trajectory_to_msg

_LOOK_S: Final = 0.02


class CartesianPathNode(Node):
    """The node behind the service ``compute_cartesian_path`` and the action ``execute_trajectory``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("cartesian_path_node", **kwargs)
        declare(self, CARTESIAN_PARAMETERS)
        parameters = CartesianParameters.of(self)
        parameters.check()
        self._description = DescriptionSource(self, parameters.robot_description)
        self._frames = Frames(self)
        self._joint_states = JointStates(self)
        self._execution = TrajectoryExecution(self, self._joint_states, parameters.controller_action)
        self._loading, self._group = threading.Lock(), None
        self._moving, self._stop = threading.Lock(), StopSign()
        one_at_a_time, any_time = MutuallyExclusiveCallbackGroup(), ReentrantCallbackGroup()
        with overridable(self.resolve_topic_name("display_planned_path")):
            self._display = self.create_publisher(
                DisplayTrajectory, "display_planned_path", result_qos(), qos_overriding_options=OVERRIDES
            )
        self.create_service(
            GetCartesianPath, "compute_cartesian_path", self._compute, qos_profile=service_qos(),
            callback_group=one_at_a_time,
        )  # fmt: skip
        self.create_subscription(
            String, "trajectory_execution_event", self._hear_event, service_qos(), callback_group=any_time
        )
        self._server = ActionServer(
            self, ExecuteTrajectory, "execute_trajectory", self._execute, goal_callback=self._take,
            cancel_callback=self._cancel, callback_group=any_time,
        )  # fmt: skip
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._first = self.create_timer(0.0, self._get_ready, callback_group=one_at_a_time, clock=steady)

    # The arm

    def _get_ready(self) -> None:
        """Load the arm before the first request does, and say what it is."""
        self.destroy_timer(self._first)
        try:
            group = self._loaded(CartesianParameters.of(self))
        except RobotracerError as error:
            self.get_logger().warning(f"not ready yet: {error}")
            return
        self.get_logger().info(
            f"ready: ask {self.resolve_service_name('compute_cartesian_path')} for the tip {group.tip.tip_link}, moved "
            f"by {', '.join(group.tip.joint_names)}"
        )

    def _loaded(self, parameters: CartesianParameters) -> PlanningGroup:
        """The arm of the newest robot description."""
        urdf = self._description.urdf(parameters.description_timeout_s)
        with self._loading:
            if self._group is None or self._group.urdf != urdf:
                self._group = PlanningGroup(urdf, parameters)
            return self._group

    # compute_cartesian_path

    def _compute(
        self, message: GetCartesianPath.Request, response: GetCartesianPath.Response
    ) -> GetCartesianPath.Response:  # fmt: skip
        began = time.monotonic()
        code, sentence = MoveItErrorCodes.SUCCESS, ""
        try:
            parameters = CartesianParameters.of(self)
            with answered_as(MoveItErrorCodes.FAILURE):
                group = self._loaded(parameters)
                request = self._read(message, group, parameters)
                motion = follow(request, group, parameters.period_s)
            self._fill(response, request, motion, group)
            sentence = motion.reason
        except CodedError as error:
            code, sentence = error.moveit_code, str(error)
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an answer too
            code, sentence = MoveItErrorCodes.FAILURE, f"a fault of the node: {error!r}"
            self.get_logger().error(f"a fault of the node in a request:\n{traceback.format_exc()}")
        response.error_code = self._error_code(code, sentence)
        took_s = time.monotonic() - began
        told = f"{code_name(code)}, fraction {response.fraction:.3f}, {took_s:.3f} s"
        self._log(f"compute_cartesian_path: {told}", sentence)
        return response

    def _read(
        self, message: GetCartesianPath.Request, group: PlanningGroup, parameters: CartesianParameters
    ) -> CartesianRequest:
        def joints_now(names: Sequence[str]) -> Mapping[str, float]:
            return self._joint_states.positions(list(names), parameters.joint_state_max_age_s)

        def transforms(base: str, frame: str, stamp_ns: int) -> RigidTransform:
            return self._frames.lookup(base, frame, stamp_ns, parameters.transform_timeout_s)

        scalings = (parameters.default_velocity_scaling, parameters.default_acceleration_scaling)
        return read_request(message, group, parameters.group, scalings, joints_now, transforms)

    def _fill(
        self, response: GetCartesianPath.Response, request: CartesianRequest, motion: CartesianMotion,
        group: PlanningGroup,
    ) -> None:  # fmt: skip
        response.fraction = motion.fraction
        response.start_state = self._start_state(request, group)
        response.solution = RobotTrajectory(joint_trajectory=trajectory_to_msg(motion.trajectory))
        response.solution.joint_trajectory.header.frame_id = group.planning_frame
        self._display.publish(
            DisplayTrajectory(
                model_id=group.robot.name, trajectory=[response.solution], trajectory_start=response.start_state
            )
        )

    def _start_state(self, request: CartesianRequest, group: PlanningGroup) -> RobotState:
        """Of the whole robot, as far as it is known."""
        heard = {name: reading.position for name, reading in self._joint_states.all().items()}
        usable = {name: at for name, at in heard.items() if name in group.positioned and np.isfinite(at)}
        joints = {**usable, **request.joints}
        state = RobotState()
        state.joint_state.name, state.joint_state.position = list(joints), list(joints.values())
        state.joint_state.header.frame_id = group.planning_frame
        state.joint_state.header.stamp = self.get_clock().now().to_msg()
        return state

    # execute_trajectory

    def _take(self, _goal: ExecuteTrajectory.Goal) -> GoalResponse:
        if not self._moving.acquire(blocking=False):
            self.get_logger().warning("execute_trajectory: a second goal while one runs is rejected; cancel that first")
            return GoalResponse.REJECT
        self._stop = StopSign()
        return GoalResponse.ACCEPT

    def _cancel(self, _handle: Any) -> CancelResponse:
        self._stop.show(Cancelled("the motion was cancelled"))
        return CancelResponse.ACCEPT

    def _hear_event(self, event: String) -> None:
        if event.data == "stop":
            self._stop.show(CodedError(MoveItErrorCodes.PREEMPTED, "trajectory_execution_event told to stop"))
        else:
            self.get_logger().warning(f"trajectory_execution_event told {event.data!r}; accepted: 'stop'")

    def _execute(self, handle: Any) -> ExecuteTrajectory.Result:
        try:
            self._tell(handle, "MONITOR")
            code, sentence = self._followed(handle.request)
            self._tell(handle, code_name(code) if sentence else "Solution was found and executed.")
            self._end(handle, code)
        finally:
            self._moving.release()
        self._log(f"execute_trajectory: {code_name(code)}", sentence)
        return ExecuteTrajectory.Result(error_code=self._error_code(code, sentence))

    def _followed(self, goal: ExecuteTrajectory.Goal) -> tuple[int, str]:
        """The code a motion ended with, and why where that is no success: the one place where its errors end."""
        try:
            self._follow(goal)
        except Cancelled as error:
            return MoveItErrorCodes.PREEMPTED, str(error)
        except CodedError as error:
            return error.moveit_code, str(error)
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an answer too
            self.get_logger().error(f"a fault of the node in a motion:\n{traceback.format_exc()}")
            return MoveItErrorCodes.FAILURE, f"a fault of the node: {error!r}"
        return MoveItErrorCodes.SUCCESS, ""

    def _follow(self, goal: ExecuteTrajectory.Goal) -> None:
        parameters = CartesianParameters.of(self)
        # Humble's goals name no controllers.
        controllers = getattr(goal, "controller_names", [])
        with answered_as(MoveItErrorCodes.FAILURE):
            group = self._loaded(parameters)
        self._execution.execute(goal.trajectory, controllers, group, parameters, self._stop)

    def _end(self, handle: Any, code: int) -> None:
        if code == MoveItErrorCodes.SUCCESS:
            handle.succeed()
        else:
            is_cancelled = isinstance(self._stop.reason, Cancelled) or handle.is_cancel_requested
            end_without_success(handle, cancelled=code == MoveItErrorCodes.PREEMPTED and is_cancelled)

    def _tell(self, handle: Any, state: str) -> None:
        handle.publish_feedback(ExecuteTrajectory.Feedback(state=state))

    def _error_code(self, code: int, sentence: str) -> MoveItErrorCodes:
        return error_code_to_msg(code, sentence, self.get_fully_qualified_name())

    def _log(self, told: str, why: str) -> None:
        if why:
            self.get_logger().warning(f"{told}: {why}")
        else:
            self.get_logger().info(told)

    # The end

    def settle(self, timeout_s: float) -> bool:
        """Stop a motion that runs and wait until the arm rests; whether it did within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            # Again and again: another goal may have come just before.
            self._stop.show(CodedError(MoveItErrorCodes.PREEMPTED, "the node is being shut down"))
            # Never given back: goals that come now are rejected.
            if self._moving.acquire(timeout=_LOOK_S):
                return True
        return False

    def destroy_node(self) -> None:
        """Let go of everything before the node goes."""
        self._server.destroy()
        self._execution.close()
        self._joint_states.close()
        self._frames.close()
        self._description.close()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run(CartesianPathNode, args, threads=8)


if __name__ == "__main__":
    sys.exit(main())
