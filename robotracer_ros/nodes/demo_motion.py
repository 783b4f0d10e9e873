"""The demonstration with an arm: the user who asks for the motion, and what is seen of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rclpy.node import Node
from sensor_msgs.msg import Image, JointState

from robotracer_ros.action import FollowTrace
from robotracer_ros.errors import BackendUnavailable
from robotracer_ros.nodes.demo_player import GIVEN_UP
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.images import image_to_rgb
from robotracer_ros.ros.qos import result_qos, sensor_qos
from robotracer_ros.srv import SimTruth

# The nodes import torch, MuJoCo and Pinocchio meanwhile; on a busy small machine that takes half a minute.
_UP_S: Final = 180.0
_DONE_S: Final = 300.0
_SETTLE_S: Final = 1.5
# Between two looks at the world for the film.
_LOOK_S: Final = 0.125
# Answers of nodes that are still coming up, or whose first frame is still on its way.
_NOT_YET: Final = tuple(
    getattr(FollowTrace.Result, name)
    for name in (
        "NOT_ACTIVE", "NO_IMAGE", "UNMATCHED_IMAGES", "STALE_IMAGE", "BAD_CAMERA_INFO", "NO_TRANSFORM",
        "BACKEND_UNAVAILABLE",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """How the world stood: joint positions by name, and all that the simulator tells."""

    joints: Mapping[str, float]
    truth: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """What came of a goal.

    Attributes:
        result: of the action.
        moments: the world from the first motion on; the last of them after all came to rest.
        up_s, took_s: until the nodes were up, and from then on.
    """

    result: FollowTrace.Result
    moments: tuple[Moment, ...]
    up_s: float
    took_s: float


class Spectator(Node):
    """The user: asks for the motion, and looks at the world meanwhile."""

    def __init__(self, namespace: str) -> None:
        super().__init__("spectator", namespace=namespace)
        self._action = SafeActionClient(self, FollowTrace, "follow_trace")
        self._truth = self.create_client(SimTruth, "sim_node/truth")
        self._joints: dict[str, float] = {}
        self._overlays: list[Image] = []
        self.create_subscription(JointState, "joint_states", self._hear, sensor_qos(5))
        self.create_subscription(Image, "trace_node/overlay", self._overlays.append, result_qos())

    def ask(
        self, instruction: str, is_running: Callable[[], int | None], tell: Callable[[str, float], None]
    ) -> Done:  # fmt: skip
        """Have an instruction carried out; ``tell`` hears the stages.

        ``is_running`` gives the launch's exit code once it has ended.

        Raises:
            BackendUnavailable: when the nodes do not come up, or do not answer.
        """
        began = time.monotonic()
        while True:
            self._require_up(is_running, began)
            if self._action.wait_for_server(timeout_sec=0.2):
                asked = time.monotonic()
                moments: list[Moment] = []
                result = self._followed(instruction, is_running, tell, moments)
                if GIVEN_UP in result.message:
                    raise BackendUnavailable(result.message.partition(GIVEN_UP)[2])
                if result.error_code not in _NOT_YET or time.monotonic() - began > _UP_S:
                    time.sleep(_SETTLE_S if moments else 0.0)
                    moments += [self._moment()] if moments else []
                    return Done(result, tuple(moments), asked - began, time.monotonic() - asked)
            time.sleep(0.3)

    def overlay(self) -> Any:
        """(H, W, 3) uint8 with the trace, or None where there is none."""
        return image_to_rgb(self._overlays[-1]) if self._overlays else None

    def _require_up(self, is_running: Callable[[], int | None], began: float) -> None:
        _require_running(is_running)
        if time.monotonic() - began > _UP_S:
            raise BackendUnavailable(f"motion_node did not come up within {_UP_S:g} s")

    def _followed(
        self, instruction: str, is_running: Callable[[], int | None], tell: Callable[[str, float], None],
        moments: list[Moment],
    ) -> FollowTrace.Result:  # fmt: skip
        moving = threading.Event()

        def hear(message: Any) -> None:
            if message.feedback.stage.startswith("moving"):
                moving.set()
            tell(message.feedback.stage, message.feedback.fraction)

        goal = FollowTrace.Goal(instruction=instruction, preview_only=False)
        handle = self._waited(self._action.send_goal_async(goal, feedback_callback=hear), 10.0)
        future = handle.get_result_async()
        deadline = time.monotonic() + _DONE_S
        while not future.done():
            _require_running(is_running)
            if time.monotonic() > deadline:
                handle.cancel_goal_async()
                raise BackendUnavailable(f"the motion did not end within {_DONE_S:g} s")
            if moving.is_set():
                moments.append(self._moment())
            time.sleep(_LOOK_S)
        return future.result().result

    def _moment(self) -> Moment:
        response = self._waited(self._truth.call_async(SimTruth.Request()), 10.0)
        return Moment(dict(self._joints), json.loads(response.truth))

    @staticmethod
    def _waited(future: Any, timeout_s: float) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            raise BackendUnavailable(f"a node of the demonstration did not answer within {timeout_s:g} s")
        return future.result()

    def _hear(self, message: JointState) -> None:
        self._joints.update(zip(message.name, message.position, strict=False))


def _require_running(is_running: Callable[[], int | None]) -> None:
    code = is_running()
    if code is not None:
        raise BackendUnavailable(f"ros2 launch ended, exit code {code}")
