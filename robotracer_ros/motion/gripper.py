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
from robotracer_ros.motion.calls import answered, cancelled_goal, halting, wait_until_ready
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.planning.manipulation import Grip
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.joint_states import JointStates

# Nothing that is worth taking is thinner.
_NOTHING_M: Final = 0.003
# Fingers rest that change the width by less than the one for as long as the other; they may take a moment to begin.
_STILL_M: Final = 0.0005
_STILL_S: Final = 0.3
_LOOK_S: Final = 0.01
KINDS: Final = ("none", "gripper_command", "parallel_gripper_command", "set_bool", "trigger")


@dataclass(frozen=True, slots=True)
class GripperSettings:
    """What kind it is and how it counts.

    Attributes:
        kind: an action of control_msgs (gripper_command, parallel_gripper_command), a service of std_srvs (set_bool,
            where true closes; trigger, one to close and one to open), or none.
        name: of the action or service; with trigger, of the one that closes.
        open_name: of the service that opens, with trigger.
        joint_name: of a finger, as joint_states and a parallel_gripper_command name it; "" where they do not. A
            controller calls a goal reached from as far as its tolerance: only the joint tells when fingers rest, and
            how wide.
        position_per_m, position_offset: from the width between the fingers to what the gripper counts:
            ``position_offset + position_per_m * width_m``; 0.5 where each finger is told its own way.
        max_effort: newtons, or whatever the driver counts; 0 leaves it to the driver.
        require_held: whether fingers that took nothing are an error; not so with simulated ones that meet in any case.
        server_timeout_s: for the server to be there, and at least for fingers to rest.
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
    require_held: bool = True
    server_timeout_s: float = 5.0
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRequest(f"gripper.kind must be one of {', '.join(KINDS)}, received {self.kind!r}")
        needed = {"none": ()}.get(self.kind, ("name",))
        needed += {"trigger": ("open_name",), "parallel_gripper_command": ("joint_name",)}.get(self.kind, ())
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            names = " and ".join(f"gripper.{name}" for name in missing)
            raise InvalidRequest(f"a gripper of kind {self.kind} needs {names}; received ''")
        numbers = (self.position_per_m, self.position_offset, self.max_effort)
        if not np.isfinite(numbers).all() or self.position_per_m == 0 or self.max_effort < 0:
            raise InvalidRequest(
                f"gripper.position_per_m, position_offset and max_effort must be finite, the first not 0, the last not "
                f"below 0; received {numbers}"
            )
        if not 0 < self.server_timeout_s < np.inf or not 0 < self.timeout_s < np.inf:
            raise InvalidRequest("the gripper's server_timeout_s and timeout_s must be above 0 s")

    def position(self, width_m: float) -> float:
        """What the gripper counts for a width."""
        return self.position_offset + self.position_per_m * width_m

    def width_m(self, position: float) -> float:
        """The width that the gripper counts so."""
        return (position - self.position_offset) / self.position_per_m


class Gripper(Protocol):
    """Opens and closes."""

    def require_possible(self, grip: Grip) -> None:
        """Check a step before anything moves.

        Raises:
            MotionRefused: where there is no gripper, or its joint is not heard of.
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


def make_gripper(node: Node, settings: GripperSettings, joints: JointStates | None = None) -> Gripper:
    """The gripper of a robot; ``joints`` tell where its fingers are."""
    if settings.kind == "none":
        return NoGripper()
    if settings.kind in ("set_bool", "trigger"):
        return ServiceGripper(node, settings)
    return ActionGripper(node, settings, joints)


class NoGripper:
    """For robots that only reach."""

    def require_possible(self, grip: Grip) -> None:
        """Nothing is."""
        raise MotionRefused(
            f"{grip.name}: no gripper is set up; accepted for gripper.kind: {', '.join(KINDS[1:])}"
        )  # fmt: skip

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """Refuse."""
        self.require_possible(grip)

    def close(self) -> None:
        """Nothing to let go of."""


class ActionGripper:
    """GripperCommand or ParallelGripperCommand, as ros2_controllers have them."""

    def __init__(self, node: Node, settings: GripperSettings, joints: JointStates | None) -> None:
        # Absent where only traces are wanted.
        from control_msgs import action

        is_parallel = settings.kind == "parallel_gripper_command"
        name = "ParallelGripperCommand" if is_parallel else "GripperCommand"
        if not hasattr(action, name):
            raise InvalidRequest(f"this control_msgs has no {name}; accepted for gripper.kind: gripper_command")
        self._settings, self._joints = settings, joints if settings.joint_name else None
        self._type = getattr(action, name)
        self._goal = self._parallel_goal if is_parallel else self._command_goal
        self._client = SafeActionClient(node, self._type, settings.name, callback_group=ReentrantCallbackGroup())
        self._what = f"the gripper {node.resolve_topic_name(settings.name)}"
        self._width_m = math.nan

    def require_possible(self, grip: Grip) -> None:
        """Every width is; the driver knows its limits."""
        settings = self._settings
        # A parallel_gripper_command names a joint in any case.
        if self._joints is not None and settings.kind == "gripper_command":
            self._joints.wait((settings.joint_name,), settings.server_timeout_s, settings.server_timeout_s)

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """As `Gripper`; fingers that stall while they take something hold it."""
        settings, ready = self._settings, self._client.server_is_ready
        width_m = grip.width_m + (self._width_m if grip.relative else 0.0)
        if math.isnan(width_m):
            raise MotionError(f"{self._what} never told how wide it is; {grip.name} is meant from there on")
        wait_until_ready(ready, self._what, settings.server_timeout_s, stop)
        deadline = time.monotonic() + settings.timeout_s
        sent = self._client.send_goal_async(self._goal(settings.position(width_m)))
        with halting(lambda reason: self._take_back(sent, reason)):
            handle = answered(sent, self._what, settings.timeout_s, stop, ready)
            if not handle.accepted:
                raise MotionError(f"{self._what} rejected the width {width_m:g} m")
            left_s = max(deadline - time.monotonic(), 0.0)
            result = answered(handle.get_result_async(), self._what, left_s, stop, ready).result
        told = result.state.position if hasattr(result, "state") else [result.position]
        self._width_m = settings.width_m(told[0]) if len(told) else width_m
        if self._joints is not None and settings.joint_name in self._joints.all():
            by_s = max(deadline, time.monotonic() + settings.server_timeout_s)
            self._width_m = self._rested_m(self._joints, by_s, stop)
        self._require_done(grip, width_m, result)

    def close(self) -> None:
        """Let go of the action."""
        self._client.destroy()

    def _take_back(self, sent: Any, reason: RobotracerError) -> None:
        if not cancelled_goal(sent, self._settings.server_timeout_s):
            raise MotionError(f"{reason}; {self._what} was told to stop and did not confirm it") from reason

    def _rested_m(self, joints: JointStates, deadline: float, stop: StopSign) -> float:
        """How wide it is once the fingers rest; they may still move, or not yet, when a goal is called reached."""
        since_s = began_s = time.monotonic()
        still_m = math.nan
        while True:
            stop.obey()
            reading = joints.all()[self._settings.joint_name]
            width_m = self._settings.width_m(reading.position)
            # NaN does not rest.
            if reading.heard_s >= began_s and not abs(width_m - still_m) <= _STILL_M:
                still_m, since_s = width_m, reading.heard_s
            elif reading.heard_s - since_s >= _STILL_S:
                return width_m
            if time.monotonic() >= deadline:
                name = self._settings.joint_name
                raise MotionError(
                    f"{self._what} says it is done, and joint_states do not tell that {name} rests; it was at "
                    f"{reading.position:.4f}"
                )
            stop.wait(_LOOK_S)

    def _require_done(self, grip: Grip, width_m: float, result: Any) -> None:
        if grip.takes:
            if not math.isfinite(self._width_m):
                raise MotionError(f"{self._what} closed to {self._width_m} m; a gripper that took something is so wide")
            if self._settings.require_held and self._width_m < width_m + _NOTHING_M:
                raise MotionError(f"{self._what} closed to {self._width_m:.4f} m: there is nothing between its fingers")
        if result.reached_goal or (result.stalled and grip.takes):
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
        """It closes to take something, and opens for every other width."""

    def follow(self, grip: Grip, stop: StopSign) -> None:
        """As `Gripper`; a service cannot be taken back."""
        is_closing = grip.takes
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
