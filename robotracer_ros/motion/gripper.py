"""A gripper, however it is told what to do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest, MotionError, MotionRefused, RobotracerError
from robotracer_ros.motion.calls import answered, cancelled_goal, wait_until_ready
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.planning.manipulation import Grip
from robotracer_ros.ros.action_client import SafeActionClient

# Nothing that is worth taking is thinner.
_NOTHING_M: Final = 0.003
KINDS: Final = ("none", "gripper_command", "parallel_gripper_command", "set_bool", "trigger")


@dataclass(frozen=True, slots=True)
class GripperSettings:
    """What kind it is and how it counts.

    Attributes:
        kind: an action of control_msgs (gripper_command, parallel_gripper_command), a service of std_srvs (set_bool,
            where true closes; trigger, one to close and one to open), or none.
        name: of the action or service; with trigger, of the one that closes.
        open_name: of the service that opens, with trigger.
        joint_name: that a parallel_gripper_command names.
        position_per_m, position_offset: from the width between the fingers to what the gripper counts:
            ``position_offset + position_per_m * width_m``; 0.5 where each finger is told its own way.
        max_effort: newtons, or whatever the driver counts; 0 leaves it to the driver.
        closed_below_m: narrower widths close the gripper: a thing may stop it, and services are told to close.
        timeout_s: for the whole of one move.

    Raises:
        InvalidRequest: for an unknown kind, a name that is missing, and numbers out of range.
    """

    kind: str = "none"
    name: str = ""
    open_name: str = ""
    joint_name: str = ""
    position_per_m: float = 1.0
    position_offset: float = 0.0
    max_effort: float = 0.0
    closed_below_m: float = 0.06
    server_timeout_s: float = 5.0
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRequest(f"the gripper kind must be one of {', '.join(KINDS)}, received {self.kind!r}")
        needed = {"none": ()}.get(self.kind, ("name",))
        needed += {"trigger": ("open_name",), "parallel_gripper_command": ("joint_name",)}.get(self.kind, ())
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise InvalidRequest(f"a gripper of kind {self.kind} needs {' and '.join(missing)}; received ''")
        numbers = (self.position_per_m, self.position_offset, self.max_effort, self.closed_below_m)
        if not np.isfinite(numbers).all() or self.position_per_m == 0 or self.max_effort < 0 or self.closed_below_m < 0:
            raise InvalidRequest(
                f"a gripper's numbers must be finite, position_per_m not 0, max_effort and closed_below_m not below 0; "
                f"received {numbers}"
            )
        if not 0 < self.server_timeout_s < np.inf or not 0 < self.timeout_s < np.inf:
            raise InvalidRequest("the gripper's server_timeout_s and timeout_s must be above 0 s")

    def position(self, width_m: float) -> float:
        """What the gripper counts for a width."""
        return self.position_offset + self.position_per_m * width_m

    def width_m(self, position: float) -> float:
        """The width that the gripper counts so."""
        return (position - self.position_offset) / self.position_per_m

    def closes(self, width_m: float) -> bool:
        """Whether a width is one to hold something with."""
        return width_m < self.closed_below_m


class Gripper(Protocol):
    """Opens and closes."""

    def require_possible(self, grip: Grip) -> None:
        """Check a step before anything moves.

        Raises:
            MotionRefused: where there is no gripper.
        """
        ...

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """Open or close.

        Raises:
            MotionError: it did not, not in time, or is not there.
            RobotracerError: the reason of ``stop``; what could be taken back was.
        """
        ...

    def close(self) -> None:
        """Let go of actions and services."""
        ...


def make_gripper(node: Node, settings: GripperSettings) -> Gripper:
    """The gripper of a robot."""
    if settings.kind == "none":
        return NoGripper()
    if settings.kind in ("set_bool", "trigger"):
        return ServiceGripper(node, settings)
    return ActionGripper(node, settings)


class NoGripper:
    """For robots that only reach."""

    def require_possible(self, grip: Grip) -> None:
        """Nothing is."""
        raise MotionRefused(
            f"{grip.name}: no gripper is set up; accepted for the gripper kind: {', '.join(KINDS[1:])}"
        )  # fmt: skip

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """Refuse."""
        self.require_possible(grip)

    def close(self) -> None:
        """Nothing to let go of."""


class ActionGripper:
    """GripperCommand or ParallelGripperCommand, as ros2_controllers have them."""

    def __init__(self, node: Node, settings: GripperSettings) -> None:
        # Absent where only traces are wanted.
        from control_msgs import action

        is_parallel = settings.kind == "parallel_gripper_command"
        name = "ParallelGripperCommand" if is_parallel else "GripperCommand"
        if not hasattr(action, name):
            raise InvalidRequest(f"this control_msgs has no {name}; accepted for the gripper kind: gripper_command")
        self._settings = settings
        self._type = getattr(action, name)
        self._goal = self._parallel_goal if is_parallel else self._command_goal
        self._client = SafeActionClient(
            node, self._type, settings.name, callback_group=ReentrantCallbackGroup()
        )
        self._what = f"the gripper {node.resolve_topic_name(settings.name)}"
        self._width_m = math.nan

    def require_possible(self, grip: Grip) -> None:
        """Every width is; the driver knows its limits."""

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """As `Gripper`; fingers that stall while they close hold something."""
        settings, ready = self._settings, self._client.server_is_ready
        width_m = grip.width_m + (self._width_m if grip.relative else 0.0)
        if math.isnan(width_m):
            raise MotionError(f"{self._what} never told how wide it is; {grip.name} is meant from there on")
        wait_until_ready(ready, self._what, settings.server_timeout_s, stop)
        deadline = time.monotonic() + settings.timeout_s
        sent = self._client.send_goal_async(self._goal(settings.position(width_m)))
        try:
            handle = answered(sent, self._what, settings.timeout_s, stop, ready)
            if not handle.accepted:
                raise MotionError(f"{self._what} rejected the width {width_m:g} m")
            left_s = max(deadline - time.monotonic(), 0.0)
            result = answered(handle.get_result_async(), self._what, left_s, stop, ready).result
        except RobotracerError as error:
            if not cancelled_goal(sent, settings.server_timeout_s):
                raise MotionError(f"{error}; {self._what} was told to stop and did not confirm it") from error
            raise
        self._require_done(grip, width_m, result)

    def close(self) -> None:
        """Let go of the action."""
        self._client.destroy()

    def _require_done(self, grip: Grip, width_m: float, result: Any) -> None:
        told = result.state.position if hasattr(result, "state") else [result.position]
        self._width_m = self._settings.width_m(told[0]) if len(told) else width_m
        if grip.takes and self._width_m < width_m + _NOTHING_M:
            raise MotionError(f"{self._what} closed to {self._width_m:.4f} m: there is nothing between its fingers")
        if result.reached_goal or (result.stalled and self._settings.closes(width_m)):
            return
        how = "stalled" if result.stalled else "stopped"
        raise MotionError(f"{self._what} {how} at {self._width_m:.4f} m before it was {width_m:g} m wide ({grip.name})")

    def _command_goal(self, position: float) -> Any:
        goal = self._type.Goal()
        goal.command.position, goal.command.max_effort = position, self._settings.max_effort
        return goal

    def _parallel_goal(self, position: float) -> Any:
        goal = self._type.Goal()
        goal.command.name, goal.command.position = [self._settings.joint_name], [position]
        if self._settings.max_effort > 0:
            goal.command.effort = [self._settings.max_effort]
        return goal


class ServiceGripper:
    """One that knows open and closed only."""

    def __init__(self, node: Node, settings: GripperSettings) -> None:
        from std_srvs.srv import SetBool, Trigger

        group = ReentrantCallbackGroup()
        self._node, self._settings = node, settings
        self._request: Callable[[bool], Any]
        if settings.kind == "set_bool":
            both = node.create_client(SetBool, settings.name, callback_group=group)
            self._clients = {True: both, False: both}
            self._request = lambda is_closing: SetBool.Request(data=is_closing)
        else:
            names = {True: settings.name, False: settings.open_name}
            self._clients = {
                closing: node.create_client(Trigger, name, callback_group=group) for closing, name in names.items()
            }
            self._request = lambda is_closing: Trigger.Request()

    def require_possible(self, grip: Grip) -> None:
        """Every width is taken for open or closed."""

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """As `Gripper`; a service cannot be taken back."""
        is_closing = not grip.relative and self._settings.closes(grip.width_m)
        client = self._clients[is_closing]
        what = f"the gripper {client.srv_name}"
        wait_until_ready(client.service_is_ready, what, self._settings.server_timeout_s, stop)
        future = client.call_async(self._request(is_closing))
        try:
            response = answered(future, what, self._settings.timeout_s, stop, client.service_is_ready)
        finally:
            client.remove_pending_request(future)
        if not response.success:
            raise MotionError(
                f"{what} failed to {'close' if is_closing else 'open'}: {response.message or 'no reason'}"
            )

    def close(self) -> None:
        """Let go of the services."""
        for client in set(self._clients.values()):
            self._node.destroy_client(client)
