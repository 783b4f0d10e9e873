"""motion_node: a sentence or a trace in; planned, checked and shown; followed only when that is allowed."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import Trigger

from robotracer_ros.action import FollowTrace
from robotracer_ros.errors import Busy, Cancelled, MotionRefused, NotActive, RobotracerError
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.chosen_follower import ChosenFollower
from robotracer_ros.nodes.following import Following, Tell
from robotracer_ros.nodes.hold import Hold
from robotracer_ros.nodes.motion_parameters import MOTION_PARAMETERS, MotionParameters
from robotracer_ros.nodes.motion_preview import Preview
from robotracer_ros.nodes.running import run
from robotracer_ros.nodes.self_starting import SelfStartingNode
from robotracer_ros.ros.convert import spatial_trace_msg_in
from robotracer_ros.ros.description import DescriptionSource
from robotracer_ros.ros.diagnostics import Diagnostics, Report
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.goal_end import end_without_success
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.params import declare
from robotracer_ros.ros.qos import service_qos
from robotracer_ros.ros.rgbd import RgbdSubscriber
from robotracer_ros.srv import GetTrace

# A robot that was told to stop rests sooner; one that does not is reported by its follower.
_STOPPED_S: Final = 5.0


class MotionNode(SelfStartingNode):
    """The lifecycle node behind the action ``follow_trace`` and the service ``~/approve``.

    Goals run one at a time. Nothing moves unless the parameter ``allow_execution`` and the goal both say so.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("motion_node", **kwargs)
        declare(self, MOTION_PARAMETERS)
        self._running = threading.Lock()
        self._following: Following | None = None
        self._signing = threading.Lock()
        self._stop: StopSign | None = None
        self._hold = Hold()
        self._open = ExitStack()
        group = ReentrantCallbackGroup()
        self._action = ActionServer(
            self, FollowTrace, "follow_trace", self._follow_trace, callback_group=group,
            goal_callback=lambda _: GoalResponse.ACCEPT, cancel_callback=self._cancel,
        )  # fmt: skip
        self.create_service(Trigger, "~/approve", self._approve, qos_profile=service_qos(), callback_group=group)
        self._diagnostics = Diagnostics(self, self._report)
        if MotionParameters.of(self).autostart:
            self._start_itself()

    # Transitions

    def _configure(self) -> None:
        MotionParameters.of(self).check()

    def _activate(self) -> None:
        parameters = MotionParameters.of(self)
        parameters.check()
        with ExitStack() as undone:
            frames = undone.enter_context(closing(Frames(self, parameters.tf_cache_s)))
            joints = undone.enter_context(closing(JointStates(self)))
            description = undone.enter_context(closing(DescriptionSource(self, parameters.robot_description)))
            follower = undone.enter_context(closing(ChosenFollower(self, frames, joints, description)))
            follower.open(parameters)
            timeout_s = parameters.transform_timeout_s

            def colour_from_depth(target: str, source: str, stamp_ns: int) -> RigidTransform:
                return frames.lookup(target, source, stamp_ns, timeout_s)

            rgbd = undone.enter_context(closing(RgbdSubscriber(self, colour_from_depth, parameters.rgbd_settings())))
            preview = undone.enter_context(closing(Preview(self, display=parameters.knows_joints)))
            ask = self.create_client(
                GetTrace, parameters.trace_service, callback_group=ReentrantCallbackGroup(), qos_profile=service_qos()
            )
            undone.callback(self.destroy_client, ask)
            self._following = Following(rgbd, frames, joints, description, follower, preview, ask, self._hold)
            self._open = undone.pop_all()
        self.get_logger().info(f"ready: {parameters.described()}")

    def _deactivate(self) -> None:
        self._following = None
        if (stop := self._stop) is not None:
            stop.show(NotActive("the node was deactivated while the goal ran; the robot was stopped"))
        # The goal that runs stops its robot; what it needs for that is closed behind it.
        if self._running.acquire(timeout=_STOPPED_S):
            self._running.release()
        self._open.close()

    def _clean_up(self) -> None:
        self._deactivate()

    # Goals

    def _follow_trace(self, handle: Any) -> FollowTrace.Result:
        """One goal, or its error: the one place where errors end."""
        result, fraction = FollowTrace.Result(), 0.0

        def tell(stage: str, done: float) -> None:
            nonlocal fraction
            fraction = done
            try:
                handle.publish_feedback(FollowTrace.Feedback(stage=stage, fraction=done))
            except Exception as error:  # noqa: BLE001 - what cannot be told must not end a motion
                self.get_logger().warning(f"feedback could not be published: {error!r}", throttle_duration_sec=5.0)

        # The next goal's turn, and the node's end, come after the end of this goal.
        with ExitStack() as turn:
            try:
                stop = turn.enter_context(self._one_at_a_time(handle))
                self._follow(handle.request, result, stop, tell)
                result.success, result.error_code = True, FollowTrace.Result.SUCCESS
                self._last.answered({})
                handle.succeed()
            except RobotracerError as error:
                result.error_code, result.message, result.fraction = error.code, str(error), fraction
                self.get_logger().warning(f"{error.code_name}: {error}")
                self._last.failed(error)
                end_without_success(handle, cancelled=isinstance(error, Cancelled))
            except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an answer too
                result.error_code, result.fraction = RobotracerError.code, fraction
                result.message = f"a fault of the node: {error!r}"
                self.get_logger().error(f"a fault of the node in a goal:\n{traceback.format_exc()}")
                self._last.failed(error)
                end_without_success(handle, cancelled=False)
        return result

    def _follow(self, goal: FollowTrace.Goal, result: FollowTrace.Result, stop: StopSign, tell: Tell) -> None:
        following, parameters = self._active(), MotionParameters.of(self)
        stop.obey()
        parameters.check()
        following.follower.open(parameters)
        if not goal.preview_only and not parameters.allow_execution:
            raise MotionRefused(
                "this node only previews: allow_execution is false; accepted: goals with preview_only, or "
                "allow_execution set to true by whoever answers for the robot"
            )
        result.trace = following.traced(goal.instruction, goal.trace, parameters, stop, tell)
        stop.obey()
        planned = following.planned(result.trace, parameters, stop, tell)
        result.trace = spatial_trace_msg_in(result.trace, planned.trace)
        if goal.preview_only:
            result.fraction = 1.0
            result.message = "previewed: nothing moved"
            tell("previewed", 0.0)
            return
        if why := following.why_approve(planned, parameters, asked_for=self._is_set("require_approval")):
            self.get_logger().info(f"a goal waits for ~/approve: {why}")
            following.await_approval(planned, parameters, why, stop, tell)
        stop.obey()
        following.move(planned, parameters, lambda: self._is_set("allow_execution"), stop, tell)
        result.fraction = 1.0

    def _is_set(self, name: str) -> bool:
        """What a parameter is now; a goal may be old."""
        return bool(self.get_parameter(name).value)

    def _cancel(self, handle: Any) -> CancelResponse:
        self._sign_of(handle).show(Cancelled("the goal was cancelled, and the robot stands"))
        return CancelResponse.ACCEPT

    def _sign_of(self, handle: Any) -> StopSign:
        """The goal's own; its cancel may come before it begins."""
        with self._signing:
            if not hasattr(handle, "stop_sign"):
                handle.stop_sign = StopSign()
            return handle.stop_sign

    def _approve(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        following = self._following
        response.success = following is not None and following.approval.grant()
        response.message = "released" if response.success else "no goal waits for approval"
        return response

    @contextmanager
    def _one_at_a_time(self, handle: Any) -> Iterator[StopSign]:
        if not self._running.acquire(blocking=False):
            raise Busy("another goal is running; one runs at a time, cancel it or ask again when it has ended")
        try:
            self._stop = self._sign_of(handle)
            yield self._stop
        finally:
            self._stop = None
            self._running.release()

    def _active(self) -> Following:
        if self._following is None:
            raise self._refused("goals are followed when it is active: configure and activate it")
        return self._following

    def _report(self) -> Report:
        following = self._following
        return self._last.report(self._state, following and following.rgbd.counts())

    def settle(self, timeout_s: float) -> bool:
        """Stop the robot and wait for the goal that runs; whether it ended within ``timeout_s``."""
        # Goals that come now are refused.
        self._following = None
        if (stop := self._stop) is not None:
            stop.show(NotActive("the node is shutting down; the robot was stopped"))
        if not self._running.acquire(timeout=timeout_s):
            return False
        self._running.release()
        return True

    def destroy_node(self) -> None:
        """Stop the robot and let go of everything before the node goes."""
        self._transition(self._clean_up)
        self._action.destroy()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run(MotionNode, args, threads=6)


if __name__ == "__main__":
    sys.exit(main())
