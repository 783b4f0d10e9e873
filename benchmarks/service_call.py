"""From the service call to the published path with a replayed answer, beside the straightforward way, at 1280x720.

    python3 -m benchmarks.service_call

A camera publishes at 15 Hz from a process of its own. The two nodes take turns in the same run; each turn starts its
node, asks it a number of times and stops it. The time runs from the call to the arrival of the path at the caller.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path as FilePath

import numpy as np
import rclpy
from nav_msgs.msg import Path
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_ros import StaticTransformBroadcaster

from benchmarks.programs.camera import FRAME
from benchmarks.programs.processes import join_own_domain, start, stop
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.convert import transform_to_msg
from robotracer_ros.srv import GetTrace

INSTRUCTION = "put the block on the tray"
ANSWER = "[(300, 600, 0.9), (350, 450, 0.8), (480, 380, 0.82), (600, 420, 0.9), (700, 620, 1.1)]"
ROUNDS, CALLS, WARM_UP, RATE_HZ, PAUSE_S = 3, 30, 5, 15, 0.03
TARGET = 3.0


class Caller(Node):
    """Calls one of the two nodes and waits for its path."""

    def __init__(self) -> None:
        super().__init__("caller")
        self._static = StaticTransformBroadcaster(self)
        turned = RigidTransform.from_quaternion_xyzw("base_link", FRAME, [-0.5, 0.5, -0.5, 0.5], [0.1, 0.0, 1.0])
        self._static.sendTransform(transform_to_msg(turned, self.get_clock().now().nanoseconds))
        self._arrived = threading.Event()
        self._arrived_s = 0.0

    def _note(self, _: Path) -> None:
        self._arrived_s = time.perf_counter()
        self._arrived.set()

    def seconds_of_calls(self, node_name: str) -> list[float]:
        """Seconds from call to path, of CALLS calls after a warm-up."""
        client = self.create_client(GetTrace, f"/{node_name}/get_trace")
        late = QoSProfile(depth=1, durability=DurabilityPolicy.VOLATILE)
        subscription = self.create_subscription(Path, f"/{node_name}/path", self._note, late)
        if not client.wait_for_service(timeout_sec=20.0):
            raise RuntimeError(f"{node_name} did not come up")
        taken = []
        deadline = time.monotonic() + 60.0
        while len(taken) < WARM_UP + CALLS and time.monotonic() < deadline:
            self._arrived.clear()
            began = time.perf_counter()
            answered = threading.Event()
            future = client.call_async(GetTrace.Request(instruction=INSTRUCTION, target_frame="base_link"))
            future.add_done_callback(lambda _, event=answered: event.set())
            answered.wait(5.0)
            if future.result() is not None and future.result().success and self._arrived.wait(2.0):
                taken.append(self._arrived_s - began)
            time.sleep(PAUSE_S)
        self.destroy_subscription(subscription)
        self.destroy_client(client)
        return taken[WARM_UP:]


def main() -> int:
    """Print both medians and their ratio; 0 when trace_node is at least `TARGET` times faster."""
    join_own_domain()
    rclpy.init()
    caller = Caller()
    executor = SingleThreadedExecutor()
    executor.add_node(caller)
    threading.Thread(target=executor.spin, daemon=True).start()
    camera = start("benchmarks.programs.camera", str(RATE_HZ))
    taken: dict[str, list[float]] = {"trace_node": [], "straightforward": []}
    with tempfile.TemporaryDirectory() as folder:
        answers = FilePath(folder) / "answers.jsonl"
        answers.write_text(json.dumps({"question_id": 0, "prompt": INSTRUCTION, "model_prediction": ANSWER}) + "\n")
        replayed = ("-p", "backend:=replay", "-p", f"replay.answers:={answers}")
        sides = {
            "trace_node": ("robotracer_ros.nodes.trace_node", *replayed),
            "straightforward": ("benchmarks.programs.straightforward_node", "-p", f'answer:="{ANSWER}"'),
        }
        try:
            for _ in range(ROUNDS):
                for name, (module, *parameters) in sides.items():
                    process = start(module, "--ros-args", "--log-level", "error", *parameters)
                    try:
                        taken[name] += caller.seconds_of_calls(name)
                    finally:
                        stop(process)
        finally:
            stop(camera)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in taken.items():
        p90 = float(np.quantile(seconds, 0.9))
        print(f"{name:>16}: median {medians[name] * 1e3:6.1f} ms, p90 {p90 * 1e3:6.1f} ms, {len(seconds)} calls")
    ratio = medians["straightforward"] / medians["trace_node"]
    met = ratio >= TARGET
    print(f"trace_node is {ratio:.1f} times faster, target {TARGET:g} or more: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
