"""Transitions of a lifecycle node: one at a time, and one that its state does not allow is refused, not fatal."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode


class Transitions:
    """Stands before the service ``~/change_state`` of a node.

    rclpy lets the exception of a transition that the present state does not know leave the service's callback, which
    ends the executor, and with it the node. It also lets two callback groups change the state at once.

    Args:
        node: asked for its service once; create this in its constructor.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._lock = threading.Lock()
        service = next(service for service in node.services if service.srv_type is ChangeState)
        self._change_state = service.callback
        service.callback = self._asked

    def attempt(self, change: Callable[[], bool]) -> bool:
        """What ``change`` says about its success; False, and a warning, when it is not possible now.

        It is not waited for a transition that runs: it may load a model for a minute.
        """
        if not self._lock.acquire(blocking=False):
            self._node.get_logger().warning("refused a transition: another one is running; ask again when it has ended")
            return False
        try:
            return change()
        except RuntimeError as error:  # rclpy's RCLError, which has no public name
            self._node.get_logger().warning(f"refused a transition: {_said(error)}; {self._accepted()}")
            return False
        finally:
            self._lock.release()

    def _asked(self, request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        response.success = self.attempt(lambda: bool(self._change_state(request, response).success))
        return response

    def _accepted(self) -> str:
        machine = self._node._state_machine
        labels = [transition[1] for transition in machine.available_transitions]
        return f"accepted in the state {machine.current_state[1]}: {', '.join(labels) or 'none'}"


def _said(error: RuntimeError) -> str:
    """The sentence of rcl, without the line of its source that follows."""
    return str(error).partition("., at ")[0]
