"""pursuit_node: Nav2's action follow_path for a base without Nav2; it follows a path and sees no obstacles."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from nav2_msgs.action import FollowPath
from nav_msgs.msg import Path
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros import errors
from robotracer_ros.errors import Cancelled, InvalidRequest, MotionError, NoTransform, PlanningError, RobotracerError
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.running import run
from robotracer_ros.nodes.whereabouts import Whereabouts
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.pursuit import Drive, Progress, PurePursuit, PursuitSettings
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.goal_end import end_without_success
from robotracer_ros.ros.params import Parameter, declare, read
from robotracer_ros.ros.qos import OVERRIDES, overridable, service_qos
from robotracer_ros.ros.stamps import stamp_ns

_DEFAULTS: Final = PursuitSettings()
PURSUIT_PARAMETERS: Final = (
    Parameter("base_frame", "base_footprint", "frame of the base, x forward"),
    Parameter("stamped", False, "publish cmd_vel as TwistStamped in place of Twist", read_only=True),
    Parameter("rate_hz", 20.0, "how often the base is told its velocity", unit="Hz", low=5.0, high=100.0),
    Parameter("max_speed_m_s", _DEFAULTS.max_speed_m_s, "forward", unit="m/s", low=0.05, high=5.0),
    Parameter("max_turn_rad_s", _DEFAULTS.max_turn_rad_s, "to either side", unit="rad/s", low=0.1, high=10.0),
    Parameter("max_acceleration_m_s2", _DEFAULTS.max_acceleration_m_s2, "of the commands", unit="m/s^2", low=0.05,
              high=10.0),
    Parameter("max_turn_acceleration_rad_s2", _DEFAULTS.max_turn_acceleration_rad_s2, "of the commands",
              unit="rad/s^2", low=0.1, high=50.0),
    Parameter("max_sideways_m_s2", _DEFAULTS.max_sideways_m_s2, "of the base in a bend, which slows it there",
              unit="m/s^2", low=0.01, high=10.0),
    Parameter("lookahead_m", _DEFAULTS.lookahead_m, "to the point of the path that is steered at", unit="m", low=0.05,
              high=5.0),
    Parameter("goal_tolerance_m", _DEFAULTS.goal_tolerance_m, "arrived this near to the last pose", unit="m",
              low=0.005, high=2.0),
    Parameter("yaw_tolerance_rad", _DEFAULTS.yaw_tolerance_rad, "turned to the last pose this closely", unit="rad",
              low=0.01, high=3.2),
    Parameter("hold_pose_age_s", 0.15, "the base stands while TF is older", unit="s", low=0.02, high=10.0),
    Parameter("transform_timeout_s", 0.5, "a goal is given up when TF is older", unit="s", low=0.05, high=60.0),
    Parameter("stuck_after_s", 3.0, "a goal is given up when the base gets nowhere for so long", unit="s", low=0.5,
              high=600.0),
)  # fmt: skip
_LOOK_S: Final = 0.02
_TICK_S: Final = 0.005
# FollowPath's error codes by what went wrong; the names are those of Jazzy, and Humble has none.
_CODES: Final[tuple[tuple[type[RobotracerError], str], ...]] = (
    (NoTransform, "TF_ERROR"), (PlanningError, "INVALID_PATH"), (InvalidRequest, "INVALID_PATH"),
    (Cancelled, "NONE"), (MotionError, "FAILED_TO_MAKE_PROGRESS"), (RobotracerError, "UNKNOWN"),
)  # fmt: skip


class PursuitNode(Node):
    """The node behind the action ``follow_path``; a new goal takes over from the one that runs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("pursuit_node", **kwargs)
        declare(self, PURSUIT_PARAMETERS)
        self._settings(read(self, PURSUIT_PARAMETERS))
        self._frames = Frames(self)
        self._stamped = bool(self.get_parameter("stamped").value)
        with overridable(self.resolve_topic_name("cmd_vel")):
            self._velocity = self.create_publisher(
                TwistStamped if self._stamped else Twist, "cmd_vel", 10, qos_overriding_options=OVERRIDES
            )
        self._lock = threading.Lock()
        # Of the goals that have not ended, by their ids; the one in `_driving` has the wheel.
        self._signs: dict[bytes, StopSign] = {}
        self._driving: StopSign | None = None
        self._ending: RobotracerError | None = None
        self._server = ActionServer(
            self, FollowPath, "follow_path", self._execute, handle_accepted_callback=self._take_over,
            cancel_callback=self._cancel, callback_group=ReentrantCallbackGroup(),
            goal_service_qos_profile=service_qos(),
        )  # fmt: skip
        self.get_logger().info(f"ready: send paths to {self.resolve_topic_name('follow_path')}")

    # Goals

    def _take_over(self, handle: Any) -> None:
        with self._lock:
            before, self._driving = self._driving, StopSign()
            self._signs[_id_of(handle)] = self._driving
            if self._ending is not None:
                self._driving.show(self._ending)
        if before is not None:
            before.show(errors.Busy("a newer goal took over"))
        handle.execute()

    def _cancel(self, handle: Any) -> CancelResponse:
        with self._lock:
            sign = self._signs.get(_id_of(handle))
        if sign is not None:
            sign.show(Cancelled("the goal was cancelled"))
        return CancelResponse.ACCEPT

    def _execute(self, handle: Any) -> FollowPath.Result:
        """Follow one path; the one place where its errors end."""
        sign = self._signs[_id_of(handle)]
        code, sentence = "NONE", ""
        try:
            self._follow(handle, sign)
        except RobotracerError as error:
            code = next(name for kind, name in _CODES if isinstance(error, kind))
            sentence = str(error)
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an answer too
            code, sentence = "UNKNOWN", f"a fault of the node: {error!r}"
            self.get_logger().error(f"a fault of the node on a path:\n{traceback.format_exc()}")
        finally:
            self._tell(sign, 0.0, 0.0)
        try:
            if sentence:
                end_without_success(handle, cancelled=isinstance(sign.reason, Cancelled))
            else:
                handle.succeed()
        finally:
            with self._lock:
                self._signs.pop(_id_of(handle), None)
                self._driving = None if self._driving is sign else self._driving
        if sentence:
            self.get_logger().warning(f"follow_path: {code}: {sentence}")
        else:
            self.get_logger().info("follow_path: arrived")
        return _filled(FollowPath.Result(), error_code=getattr(FollowPath.Result, code, 0), error_msg=sentence)

    # The drive

    def _follow(self, handle: Any, sign: StopSign) -> None:
        """Drive to the end of a goal's path.

        Raises:
            RobotracerError: why the base did not; it has not been told to stand yet.
        """
        values = read(self, PURSUIT_PARAMETERS)
        path = _path_of(handle.request.path)
        self._require_frame(path.frame_id, values)
        pursuit = PurePursuit(path, self._settings(values))
        progress = Progress(allowance_s=float(values["stuck_after_s"]))
        whereabouts = Whereabouts(self._frames, path.frame_id, str(values["base_frame"]))
        while True:
            sign.obey()
            now_s = self.get_clock().now().nanoseconds * 1e-9
            pose, age_s = whereabouts.now(now_s)
            if age_s > values["transform_timeout_s"]:
                raise NoTransform(
                    f"TF has told nothing of {values['base_frame']!r} in {path.frame_id!r} for {age_s:.2f} s; "
                    f"transform_timeout_s allows {values['transform_timeout_s']}"
                )
            told = pursuit.hold() if age_s > values["hold_pose_age_s"] else pursuit.step(pose, now_s)
            self._tell(sign, told.v_m_s, told.w_rad_s)
            handle.publish_feedback(_feedback(told))
            if told.done:
                return
            if progress.stuck(pose, now_s):
                raise _stuck(told, age_s, values)
            self._await_turn(sign, now_s, 1.0 / float(values["rate_hz"]))

    def _await_turn(self, sign: StopSign, told_s: float, period_s: float) -> None:
        """Wait until the base is to be told again, by the node's clock or by the steady one, whichever is sooner.

        In a simulation that is faster than real time the base's own watchdog is faster too.
        """
        end_s = time.monotonic() + period_s
        while self.get_clock().now().nanoseconds * 1e-9 < told_s + period_s and time.monotonic() < end_s:
            if sign.wait(_TICK_S):
                return

    def _require_frame(self, frame: str, values: Mapping[str, Any]) -> None:
        base = values["base_frame"]
        if frame == base:
            raise InvalidRequest(f"a path in {frame!r} moves with the base; accepted: a frame that stands, map or odom")
        try:
            self._frames.lookup(frame, base, 0, values["transform_timeout_s"])
        except NoTransform as error:
            if frame not in self._frames.known():
                raise InvalidRequest(f"the path's frame is not known: {error}") from error
            raise

    def _settings(self, values: Mapping[str, Any]) -> PursuitSettings:
        return PursuitSettings(**{field.name: values[field.name] for field in fields(PursuitSettings)})

    def _tell(self, sign: StopSign, v_m_s: float, w_rad_s: float) -> None:
        """Tell the base, unless another goal has the wheel; a goal that has to stop tells it nothing but to stand."""
        twist = Twist()
        twist.linear.x, twist.angular.z = v_m_s, w_rad_s
        message: Any = twist
        if self._stamped:
            message = TwistStamped(twist=twist)
            message.header.stamp = self.get_clock().now().to_msg()
            message.header.frame_id = str(self.get_parameter("base_frame").value)
        with self._lock:
            stands = v_m_s == 0.0 and w_rad_s == 0.0
            if self._driving is sign and (stands or not sign.is_shown):
                self._velocity.publish(message)

    # The end

    def settle(self, timeout_s: float) -> bool:
        """Stop the base, and wait until every goal has ended; whether they did within ``timeout_s``."""
        with self._lock:
            self._ending = errors.NotActive("the node is being shut down")
            for sign in self._signs.values():
                sign.show(self._ending)
        deadline = time.monotonic() + timeout_s
        while self._signs:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_S)
        return True

    def destroy_node(self) -> None:
        """Let go of everything before the node goes."""
        self._server.destroy()
        self._frames.close()
        super().destroy_node()


def _id_of(handle: Any) -> bytes:
    return bytes(handle.goal_id.uuid)


def _path_of(message: Path) -> PosePath:
    """The path of a message: the places, and the yaw of the last pose, which no other is asked for.

    Raises:
        InvalidRequest: without poses or a frame.
        PlanningError: for numbers that are not finite, and a last quaternion that is none.
    """
    if not message.poses or not message.header.frame_id:
        raise InvalidRequest(f"a path of {len(message.poses)} poses in the frame {message.header.frame_id!r} was "
                             f"received; accepted: at least one pose, in a frame")  # fmt: skip
    places = [stamped.pose.position for stamped in message.poses]
    last = message.poses[-1].pose.orientation
    quaternion = np.array([last.x, last.y, last.z, last.w])
    length = float(np.linalg.norm(quaternion))
    if not abs(length - 1.0) < 0.01:
        raise PlanningError(f"the quaternion of the last pose must have length 1, received {length:g}")
    return PosePath(
        np.array([(place.x, place.y, place.z) for place in places]),
        np.tile(quaternion / length, (len(places), 1)),
        message.header.frame_id,
        stamp_ns(message.header.stamp),
    )


def _feedback(told: Drive) -> FollowPath.Feedback:
    """Lyrical has the same two numbers one message deeper."""
    feedback = FollowPath.Feedback()
    inner = getattr(feedback, "tracking_feedback", feedback)
    _filled(inner, distance_to_goal=told.distance_m, speed=told.v_m_s)
    return feedback


def _stuck(told: Drive, age_s: float, values: Mapping[str, Any]) -> RobotracerError:
    """Why a base gets nowhere."""
    if age_s > values["hold_pose_age_s"]:
        return NoTransform(
            f"the base stands: TF of {values['base_frame']!r} is {age_s:.2f} s old; hold_pose_age_s allows "
            f"{values['hold_pose_age_s']:g}"
        )
    return MotionError(
        f"the base got nowhere for stuck_after_s {values['stuck_after_s']:g}, {told.distance_m:.2f} m from the end"
    )


def _filled(message: Any, **values: Any) -> Any:
    """The message with those of the values that it has fields for: they differ from Humble to Lyrical."""
    for name, value in values.items():
        if hasattr(message, name):
            setattr(message, name, value)
    return message


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run(PursuitNode, args, threads=6)


if __name__ == "__main__":
    sys.exit(main())
