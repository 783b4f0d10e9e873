"""A mobile base follows paths by a running Nav2."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from action_msgs.msg import GoalStatus
from nav_msgs.msg import Path
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.node import Node

from robotracer_ros.errors import MotionError, MotionRefused, NoTransform, RobotracerError
from robotracer_ros.motion.calls import (
    Presence,
    answered,
    cancelled_goal,
    constant_name,
    halting,
    status_name,
    wait_until_ready,
)
from robotracer_ros.motion.follower import Plan, Progress, StopSign
from robotracer_ros.motion.guard import Guard
from robotracer_ros.motion.moved_path import Lookup, path_in
from robotracer_ros.motion.nav2_settings import Nav2Settings
from robotracer_ros.motion.odometry import OdometryWatch
from robotracer_ros.motion.pulse import Pulse
from robotracer_ros.motion.step_order import follow_in_order
from robotracer_ros.motion.way_left import WayLeft
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.planning.path import PosePath
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.convert import path_to_msg

_LOOK_S: Final = 0.01
_SLOWEST_SIMULATION: Final = 20.0


class Nav2Follower:
    """A `PathFollower` for ways on the ground; it has no gripper.

    Args:
        node: spun elsewhere; the methods here wait for answers it hears.
        lookup: TF.
    """

    def __init__(self, node: Node, settings: Nav2Settings, lookup: Lookup) -> None:
        # Absent where only traces are wanted.
        from nav2_msgs import action, srv

        self._node, self._settings, self._lookup = node, settings, lookup
        self._is_through = settings.action == "navigate_through_poses"
        self._type = action.NavigateThroughPoses if self._is_through else action.FollowPath
        self._validity_type = srv.IsPathValid
        name, group = settings.action_name or settings.action, ReentrantCallbackGroup()
        self._client = SafeActionClient(node, self._type, name, callback_group=group)
        self._what = f"the action {node.resolve_topic_name(name)}"
        self._validity = None
        if settings.validity_service:
            self._validity = node.create_client(srv.IsPathValid, settings.validity_service, callback_group=group)
        self._odometry = OdometryWatch(node, settings.odometry_topic)
        self._pulse = Pulse(node, node.resolve_topic_name(name), settings.feedback_age_s)
        self._guard = Guard(settings.stop_timeout_s)

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """Carry the paths into the world, and ask Nav2 whether they are free where it can tell.

        Raises:
            MotionRefused: for a step of the gripper, and a path that Nav2 finds blocked, with its first such pose.
            MotionError: when Nav2 does not answer.
            RobotracerError: no transform, or the reason of ``stop``.
        """
        paths: list[PosePath] = []
        for step in steps:
            stop.obey()
            if not isinstance(step, Reach):
                raise MotionRefused(f"{step.name}: a base that Nav2 drives has no gripper; accepted: ways only")
            paths.append(path_in(step.path, self._settings.frame, self._lookup))
            self._require_valid(step.name, paths[-1], stop)
        return Plan(tuple(steps), hints=tuple(paths))

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        """Let the base follow a plan to its end.

        Raises:
            MotionRefused: before anything moved: nothing tells whether the base rests.
            MotionError: the base did not follow to the end, or its rest could not be confirmed.
            RobotracerError: the reason of ``stop``; the base rests.
        """
        self._require_odometry(stop)
        with self._guard.running(stop):
            follow_in_order(
                plan.steps, progress, lambda number, step, told: self._drive(plan.hints[number], stop, told)
            )

    def close(self) -> None:
        """Let go of topics, services and actions."""
        if self._guard.end():
            self._client.destroy()
            self._odometry.close()
            self._pulse.close()
            if self._validity is not None:
                self._node.destroy_client(self._validity)

    def _require_odometry(self, stop: StopSign) -> None:
        """A watch that has just begun may have heard nothing yet."""
        longest_s = self._settings.odometry_age_s
        deadline = time.monotonic() + longest_s
        while self._odometry.age_s() > longest_s:
            stop.obey()
            if time.monotonic() > deadline:
                raise MotionRefused(
                    f"{self._odometry.topic} told nothing within nav2.odometry_age_s {longest_s:g} s, and nothing else "
                    f"can tell that the base rests; set nav2.odometry_topic"
                )
            stop.wait(_LOOK_S)

    def _require_valid(self, name: str, path: PosePath, stop: StopSign) -> None:
        service = self._validity
        if service is None or not service.service_is_ready():
            return
        if (there := self._in_global_frame(path)) is None:
            return
        future = service.call_async(self._validity_type.Request(path=self._path_message(there)))
        try:
            response = answered(
                future, f"the service {service.srv_name}", self._settings.server_timeout_s, stop,
                service.service_is_ready,
            )  # fmt: skip
        finally:
            service.remove_pending_request(future)
        # Distributions after Jazzy tell where they could not look.
        if not getattr(response, "success", True):
            self._node.get_logger().warning(f"{service.srv_name} cannot tell whether paths are free", once=True)
        elif not response.is_valid:
            poses = list(response.invalid_pose_indices)
            blocked = f"{len(poses)} of {len(path)} poses are" if poses else "a pose of the path is"
            at = f"; the first is waypoint {poses[0]}" if poses else ""
            raise MotionRefused(f"{name}: {blocked} blocked, by {service.srv_name}{at}")

    def _in_global_frame(self, path: PosePath) -> PosePath | None:
        """As the global costmap sees the path now; None where TF cannot tell."""
        try:
            return path_in(replace(path, stamp_ns=0), self._settings.global_frame, self._lookup)
        except NoTransform as error:
            self._node.get_logger().warning(
                f"Nav2 is not asked whether paths are free; set nav2.global_frame to its costmap's: {error}", once=True
            )
            return None

    def _drive(self, path: PosePath, stop: StopSign, told: Callable[[float], None]) -> None:
        ready, timeout_s = self._client.server_is_ready, self._settings.server_timeout_s
        wait_until_ready(ready, self._what, timeout_s, stop)
        left = WayLeft(path.length_m)
        # Raises where TF could not tell the end either.
        self._off_m(path)
        self._odometry.begin()
        sent = self._client.send_goal_async(self._goal(path), feedback_callback=left.hear)
        with halting(lambda reason: self._halt(sent, left, reason)):
            handle = answered(sent, self._what, timeout_s, stop, ready)
            if not handle.accepted:
                raise MotionError(f"{self._what} rejected the path")
            answer = self._wait(handle.get_result_async(), path, left, stop, told)
            self._require_success(answer)
        self._confirm_rest(f"{self._what} ended")
        self._require_end(path)

    def _wait(
        self, result: Any, path: PosePath, left: WayLeft, stop: StopSign, told: Callable[[float], None]
    ) -> Any:  # fmt: skip
        settings, clock, presence = self._settings, self._node.get_clock(), Presence(self._client.server_is_ready)
        self._pulse.begin()
        longest_s = path.length_m / settings.min_speed_m_s + settings.duration_margin_s
        end, steady_end = clock.now() + Duration(seconds=longest_s), time.monotonic() + longest_s * _SLOWEST_SIMULATION
        while not result.done():
            stop.obey()
            told(left.share())
            if presence.is_lost() and not result.done():
                raise MotionError(f"{self._what} went away during the motion")
            if self._is_silent(left) and not result.done():
                longest = f"nav2.feedback_age_s {settings.feedback_age_s:g} s"
                raise MotionError(f"{self._what} told nothing within {longest}; has it crashed?")
            if (age_s := self._odometry.age_s()) > settings.odometry_age_s:
                longest = f"nav2.odometry_age_s allows {settings.odometry_age_s:g} s"
                raise MotionError(f"{self._odometry.topic} told nothing for {age_s:.2f} s; {longest}")
            if clock.now() > end or time.monotonic() > steady_end:
                raise MotionError(f"{self._what} did not finish within {longest_s:.1f} s")
            stop.wait(_LOOK_S)
        return result.result()

    def _require_success(self, answer: Any) -> None:
        code = getattr(answer.result, "error_code", 0)
        if answer.status == GoalStatus.STATUS_SUCCEEDED and code == 0:
            return
        # Humble's results are empty.
        name = f" with {constant_name(type(answer.result), code)} ({code})" if code else ""
        words = getattr(answer.result, "error_msg", "")
        raise MotionError(f"{self._what} ended {status_name(answer.status)}{name}" + (f": {words}" if words else ""))

    def _is_silent(self, left: WayLeft) -> bool:
        """Whether the action tells nothing more; one that has not begun to, by its process."""
        return left.age_s() > self._settings.feedback_age_s or (not left.is_told and self._pulse.is_lost())

    def _require_end(self, path: PosePath) -> None:
        """What Nav2 says of its own success is not believed: it says so too of a path that ends where it begins."""
        off_m, most_m = self._off_m(path), self._settings.end_tolerance_m
        if off_m > most_m:
            raise MotionError(
                f"{self._what} says that it succeeded, and the base stands {off_m:.2f} m from the end of the path; "
                f"nav2.end_tolerance_m allows {most_m:g} m"
            )
        if path.length_m > most_m and not self._odometry.has_moved:
            raise MotionError(
                f"{self._what} says that it followed {path.length_m:.2f} m of path, and {self._odometry.topic} told of "
                f"no movement"
            )

    def _off_m(self, path: PosePath) -> float:
        """From the base to the end of a path, along the ground."""
        base = self._lookup(path.frame_id, self._settings.base_frame, 0)
        return float(np.linalg.norm((base.translation_m - path.positions_m[-1])[:2]))

    def _halt(self, sent: Any, left: WayLeft, reason: RobotracerError) -> None:
        """Nav2 sends a speed of 0 when its goal is cancelled; one that crashed sends nothing: the base has to tell."""
        deadline = time.monotonic() + self._settings.stop_timeout_s
        is_over = (
            cancelled_goal(sent, self._settings.stop_timeout_s)
            or self._is_silent(left)
            or not self._client.server_is_ready()
        )
        # Rest is looked for once more where no answer came: it is the base that counts.
        rests = self._odometry.wait_for_rest(max(deadline - time.monotonic(), 1.0))
        if not (rests and is_over):
            raise MotionError(
                f"{reason}; the base was told to stop, and that it rests could not be confirmed within "
                f"{self._settings.stop_timeout_s:g} s"
            ) from reason

    def _confirm_rest(self, what: str) -> None:
        if not self._odometry.wait_for_rest(self._settings.stop_timeout_s):
            raise MotionError(f"{what}, and the base did not rest within {self._settings.stop_timeout_s:g} s")

    def _goal(self, path: PosePath) -> Any:
        """Fields differ from Humble to Lyrical."""
        goal, settings = self._type.Goal(), self._settings
        message = self._path_message(path)
        if self._is_through:
            if hasattr(goal.poses, "goals"):
                goal.poses.header, goal.poses.goals = message.header, list(message.poses)
            else:
                goal.poses = list(message.poses)
            goal.behavior_tree = settings.behavior_tree
            return goal
        goal.path = message
        for name in ("controller_id", "goal_checker_id", "progress_checker_id"):
            if hasattr(goal, name):
                setattr(goal, name, getattr(settings, name))
        return goal

    def _path_message(self, path: PosePath) -> Path:
        """Stamped now: the path stands in the world, and its image may be older than TF remembers."""
        message = path_to_msg(path)
        stamp = self._node.get_clock().now().to_msg()
        for header in (message.header, *(pose.header for pose in message.poses)):
            header.stamp = stamp
        return message
