"""Whether a server's process still lives, sooner than the graph of nodes tells."""

from __future__ import annotations

import math
import time
from typing import Any, Final

from rcl_interfaces.srv import GetParameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

# Of the 16 bytes that name an endpoint in DDS, those that name its process.
_PROCESS_BYTES: Final = 12
_ASKED_PER_SILENCE: Final = 4


class Pulse:
    """Asks the nodes of an action server's process for no parameters, again and again.

    A process that was killed stays in the graph until its lease runs out, 20 s with Fast DDS. Nodes that are busy do
    not answer either, hence all of the process are asked, any answer counts, and a process that never answered during
    the motion is not missed.

    Args:
        action: its resolved name.
        silence_s: how long no answer may come; 0 for never asking.
    """

    def __init__(self, node: Node, action: str, silence_s: float) -> None:
        self._node, self._topic, self._silence_s = node, f"{action}/_action/status", silence_s
        self._group = ReentrantCallbackGroup()
        self._clients: dict[str, Any] = {}
        self._asked: dict[str, tuple[Any, float]] = {}
        self._turn = 0
        self._reset()

    def begin(self) -> None:
        """From now on it is listened to anew."""
        self._forget()
        self._turn += 1
        self._reset()

    def is_lost(self) -> bool:
        """Whether it answered since it began, and no more."""
        now_s = time.monotonic()
        if self._silence_s > 0 and now_s >= self._next_s:
            self._next_s = now_s + self._silence_s / _ASKED_PER_SILENCE
            if not self._answered:
                self._find()
            for name, client in self._clients.items():
                self._ask(name, client, now_s)
        return self._answered and now_s - self._since_s > self._silence_s

    def close(self) -> None:
        """Let go of the services."""
        self._forget()
        for client in self._clients.values():
            self._node.destroy_client(client)
        self._clients.clear()

    def _reset(self) -> None:
        # The first question after the last answer.
        self._since_s, self._next_s, self._answered = math.inf, 0.0, False

    def _forget(self) -> None:
        for name, (future, _) in self._asked.items():
            if name in self._clients and not future.done():
                self._clients[name].remove_pending_request(future)
        self._asked.clear()

    def _find(self) -> None:
        names = self._names()
        for name in names ^ set(self._clients):
            if name in names:
                self._clients[name] = self._node.create_client(GetParameters, name, callback_group=self._group)
            else:
                self._node.destroy_client(self._clients.pop(name))
                self._asked.pop(name, None)

    def _ask(self, name: str, client: Any, now_s: float) -> None:
        if not client.service_is_ready():
            return
        if name in self._asked and not self._asked[name][0].done():
            before, asked_s = self._asked[name]
            if now_s - asked_s <= self._silence_s:
                return
            # Lost, as questions are before both sides know of each other.
            client.remove_pending_request(before)
        self._since_s = min(self._since_s, now_s)
        turn, future = self._turn, client.call_async(GetParameters.Request())
        self._asked[name] = future, now_s
        future.add_done_callback(lambda _: self._hear(turn))

    def _hear(self, turn: int) -> None:
        # The last word of the motion before says nothing of this one.
        if turn == self._turn:
            self._answered, self._since_s = True, math.inf

    def _names(self) -> set[str]:
        """The services of all nodes in the process that has the action; none where that is this process.

        A process that has just begun tells the names of its nodes late.
        """
        servers = self._node.get_publishers_info_by_topic(self._topic)
        processes = {_process(one) for one in servers}
        nodes = self._node.get_publishers_info_by_topic("/parameter_events")
        found = {_path(one) for one in (*servers, *(one for one in nodes if _process(one) in processes))}
        if self._node.get_fully_qualified_name() in found:
            return set()
        return {f"{path}/get_parameters" for path in found}


def _process(endpoint: Any) -> tuple[int, ...]:
    return tuple(endpoint.endpoint_gid[:_PROCESS_BYTES])


def _path(endpoint: Any) -> str:
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
