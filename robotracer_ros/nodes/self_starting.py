"""A lifecycle node that brings itself up, and says what goes wrong in a transition."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.timer import Timer

from robotracer_ros.errors import NotActive, RobotracerError
from robotracer_ros.nodes.stages import LastRequest
from robotracer_ros.ros.transitions import Transitions


class SelfStartingNode(LifecycleNode):
    """Its transitions call `_configure`, `_activate`, `_deactivate` and `_clean_up`.

    Configuring or activating that raises one of this package's errors is undone and refused; anything else is a fault,
    after which the node is unconfigured and may be configured again.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._last = LastRequest()
        self._transitions = Transitions(self)
        self._coming: Timer | None = None

    def _configure(self) -> None:
        """Read the parameters, and open what takes long."""
        raise NotImplementedError

    def _activate(self) -> None:
        """Open what is needed to work."""
        raise NotImplementedError

    def _deactivate(self) -> None:
        """Close what `_activate` opened, from whatever state."""
        raise NotImplementedError

    def _clean_up(self) -> None:
        """Close everything, from whatever state."""
        raise NotImplementedError

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure, or undo it."""
        return self._transition(self._configure, undo=self._clean_up)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate, or undo it."""
        super().on_activate(state)
        return self._transition(self._activate, undo=self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate."""
        super().on_deactivate(state)
        return self._transition(self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything."""
        return self._transition(self._clean_up)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything, from whatever state."""
        return self._transition(self._clean_up)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured, so that the node can be configured again; what went wrong stays told."""
        failure = self._last.failed_transition
        outcome = self._transition(self._clean_up)
        self._last.failed_transition = self._last.failed_transition or failure
        return outcome

    def destroy_node(self) -> None:
        """Let go of everything before the node goes."""
        self._transition(self._clean_up)
        super().destroy_node()

    def _start_itself(self) -> None:
        """Configure and activate once the node spins."""
        # Wall time: a simulation that is paused or has not begun must not keep the node from coming up.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        group = MutuallyExclusiveCallbackGroup()
        self._coming = self.create_timer(0.0, self._come_up, callback_group=group, clock=steady)

    def _come_up(self) -> None:
        """Configure and activate once, when the node spins already, so that requests are refused in words meanwhile."""
        timer, self._coming = self._coming, None
        if timer is None:
            return
        self.destroy_timer(timer)
        for trigger in (self.trigger_configure, self.trigger_activate):
            if not self._transitions.attempt(lambda trigger=trigger: trigger() == TransitionCallbackReturn.SUCCESS):
                return

    def _transition(
        self, action: Callable[[], None], undo: Callable[[], None] | None = None
    ) -> TransitionCallbackReturn:
        """Run a transition and say what went wrong in it; rclpy itself would swallow that."""
        try:
            action()
        except RobotracerError as error:
            self.get_logger().error(f"{error.code_name}: {error}")
            self._last.transition_failed(error)
            if undo is not None:
                undo()
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # noqa: BLE001 - the border: whatever else goes wrong is told, and the node lives on
            self.get_logger().error(f"a fault of the node in a transition:\n{traceback.format_exc()}")
            self._last.transition_failed(error)
            return TransitionCallbackReturn.ERROR
        self._last.transition_succeeded()
        return TransitionCallbackReturn.SUCCESS

    @property
    def _state(self) -> str:
        return str(self._state_machine.current_state[1])

    def _refused(self, when: str) -> NotActive:
        """That the node is not active; ``when`` says when it does what it was asked to."""
        failure = self._last.failed_transition
        why = f"; the last transition failed: {failure}" if failure else ""
        return NotActive(f"{self.get_fully_qualified_name()} is {self._state}; {when}{why}")
