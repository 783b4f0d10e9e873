"""sim_node: a simulated world as a robot's camera, TF, joint states and controllers."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros.errors import BackendUnavailable, RobotracerError
from robotracer_ros.nodes.running import run
from robotracer_ros.nodes.sim_parameters import sim_parameters
from robotracer_ros.nodes.sim_publishers import SimPublishers
from robotracer_ros.nodes.sim_worlds import WORLDS
from robotracer_ros.packaged import packaged_file
from robotracer_ros.ros.params import declare, read
from robotracer_ros.ros.qos import service_qos
from robotracer_ros.srv import SimReset, SimTruth

# The world goes on in ticks, and is told what to do at every step of them.
TICK_S: Final = 0.01
STEP_S: Final = 0.002
# Joint states and frames go out after so many ticks.
_STATE_TICKS: Final = 2
# A world that falls behind by more lets the time go instead of running after it.
_MOST_LAG_S: Final = 0.2
_RESET_S: Final = 60.0
_LOOK_S: Final = 0.05


class SimNode(Node):
    """Lets a `SimWorld` run in one thread and draws it in another, which is also the one that resets it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("sim_node", **kwargs)
        table = sim_parameters(tuple(WORLDS))
        declare(self, table)
        values = read(self, table)
        self._period_s, self._factor = 1.0 / values["rate"], values["real_time_factor"]
        self._has_clock = bool(values["publish_clock"])
        self._epoch_s = 0.0
        self._turn = threading.RLock()
        self._ended = threading.Event()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        kind = WORLDS[str(values["world"])]
        urdf = packaged_file("urdf", kind.urdf)
        try:
            self._world = kind.make(urdf, values)
        except ImportError as error:
            raise BackendUnavailable(f"the simulated world needs MuJoCo (pip install mujoco): {error}") from error
        self._topics = SimPublishers(
            self, urdf.read_text(), bgr=values["image_encoding"] == "bgr8", clock=self._has_clock
        )
        self._servers = kind.serve(self, self._world, self._turn, self._sim_s)
        group, qos = ReentrantCallbackGroup(), service_qos()
        self.create_service(SimReset, "~/reset", self._reset, qos_profile=qos, callback_group=group)
        self.create_service(SimTruth, "~/truth", self._truth, qos_profile=qos, callback_group=group)
        self._topics.fixed(self._world.fixed_frames(), self.stamp_ns())
        self.has_failed = False
        self._threads = [
            threading.Thread(target=self._work_on, args=(work,), daemon=True) for work in (self._live, self._draw)
        ]
        for thread in self._threads:
            thread.start()
        self.get_logger().info(f"ready: the world {values['world']}, seed {values['seed']}")

    def settle(self, timeout_s: float) -> bool:
        """Let the world stand still; whether both threads ended within ``timeout_s``."""
        self._ended.set()
        self._servers.close()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work_on(self, work: Callable[[], None]) -> None:
        """A world without one of its threads would deceive whoever uses it: the node ends."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the border: whatever ends a thread is told
            # A node that was shut down from outside has nothing left to publish with.
            if not self._ended.is_set() and self.context.ok():
                self.has_failed = True
                words = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
                self.get_logger().fatal(f"the simulated world cannot go on: {words}")
                self._ended.set()
                self.context.try_shutdown()

    # Time

    def stamp_ns(self) -> int:
        """Now: simulated if that is published, else that of the node's clock."""
        if self._has_clock:
            return round((self._epoch_s + self._world.time_s) * 1e9)
        return int(self.get_clock().now().nanoseconds)

    def _sim_s(self, stamp_ns: int) -> float:
        """The world's time at a stamp."""
        return self._world.time_s + (stamp_ns - self.stamp_ns()) * 1e-9 * (1.0 if self._has_clock else self._factor)

    def _live(self) -> None:
        """Tick by tick, as far as the clock of the wall allows."""
        began, ticks = time.monotonic(), 0
        while not self._ended.is_set():
            with self._turn:
                for _ in range(round(TICK_S / STEP_S)):
                    self._servers.steer()
                    self._world.advance(STEP_S)
                stamp_ns = self.stamp_ns()
                state = (self._world.joints(), self._world.moving_frames()) if ticks % _STATE_TICKS == 0 else None
            self._topics.clock(stamp_ns)
            if state is not None:
                self._topics.state(*state, stamp_ns)
            ticks += 1
            ahead_s = began + ticks * TICK_S / self._factor - time.monotonic() if self._factor else 0.0
            if ahead_s < -_MOST_LAG_S:
                began -= ahead_s
            # Without any pause the others would never get their turn.
            self._ended.wait(max(ahead_s, 1e-4))

    # Pictures

    def _draw(self) -> None:
        """Pictures when they are due and somebody listens, and whatever else belongs to the thread that draws."""
        due_s = 0.0
        try:
            while not self._ended.is_set():
                self._do_jobs()
                if self._epoch_s + self._world.time_s < due_s or not self._topics.is_watched:
                    self._ended.wait(TICK_S)
                    continue
                with self._turn:
                    due_s = max(due_s + self._period_s, self._epoch_s + self._world.time_s)
                    develop, stamp_ns = self._exposed(), self.stamp_ns()
                self._topics.picture(develop(), stamp_ns)
        finally:
            close = getattr(self._world, "close", None)
            if close is not None:
                close()

    def _exposed(self) -> Callable[[], Any]:
        """What gives the picture of this moment: later where the world can hold it, else it is drawn now."""
        expose = getattr(self._world, "expose", None)
        if expose is not None:
            develop: Callable[[], Any] = expose()
            return develop
        seen = self._world.photograph()
        return lambda: seen

    def _do_jobs(self) -> None:
        while not self._jobs.empty():
            self._jobs.get()()

    # Services

    def _reset(self, request: SimReset.Request, response: SimReset.Response) -> SimReset.Response:
        done = threading.Event()

        def reset() -> None:
            try:
                with self._turn:
                    passed_s = self._world.time_s
                    self._world.reset(request.seed)
                    self._epoch_s += passed_s
                    self._servers.begin_again()
                    self._topics.fixed(self._world.fixed_frames(), self.stamp_ns())
                response.success, response.message = True, ""
            except RobotracerError as error:
                response.message = str(error)
            except Exception as error:
                response.message = f"the world broke while it was reset: {type(error).__name__}: {error}"
                raise
            finally:
                done.set()

        self._jobs.put(reset)
        deadline = time.monotonic() + _RESET_S
        while not done.wait(_LOOK_S):
            if self._ended.is_set() or time.monotonic() > deadline:
                why = "sim_node ends" if self._ended.is_set() else f"it takes longer than {_RESET_S:g} s"
                return SimReset.Response(message=f"the world was not reset: {why}")
        return response

    def _truth(self, _: SimTruth.Request, response: SimTruth.Response) -> SimTruth.Response:
        with self._turn:
            truth = self._world.truth()
        response.truth, response.success = json.dumps(truth), True
        return response


def main(args: list[str] | None = None) -> int:
    """Run sim_node until it is told to stop or its world breaks; returns the exit code."""
    nodes: list[SimNode] = []

    def make() -> SimNode:
        nodes.append(SimNode())
        return nodes[0]

    code = run(make, args, threads=6)
    return 1 if code == 0 and nodes[0].has_failed else code


if __name__ == "__main__":
    sys.exit(main())
