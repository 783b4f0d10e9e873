"""From the service call to the answer with the model that comes along, beside the model alone, on a simulated table.

    python3 -m benchmarks.nano_request

trace_node with its default backend hears a simulated camera at 10 Hz. In turns, a caller asks the node for a trace, and
this process gives the same picture and the same words to the same checkpoint through plain transformers. What is above
the model's own time is the node's: images, TF, lifting, path, markers and overlay.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from transformers import AutoModelForImageTextToText, AutoProcessor

import robotracer_ros.models  # noqa: F401  (registers the architecture)
from benchmarks.programs.processes import join_own_domain, start, stop
from benchmarks.programs.tabletop import BASE_FRAME, Table, tabletop
from robotracer_ros.checkpoints import checkpoint_folder
from robotracer_ros.families import open_family
from robotracer_ros.srv import GetTrace

CALLS, WARM_UP, RATE_HZ, SEED, UP_S, ANSWER_S = 30, 3, 10, 0, 60.0, 30.0
# Of the node's median, in seconds, on two CPU cores.
TARGET_S = 1.5


class PlainModel:
    """The checkpoint as a script would use it."""

    def __init__(self) -> None:
        path = checkpoint_folder("robotracer-nano")
        self._processor = AutoProcessor.from_pretrained(path)
        self._model = AutoModelForImageTextToText.from_pretrained(path).eval()
        self._family = open_family("robotracer")

    def seconds(self, table: Table, instruction: str) -> float:
        """Of one answer."""
        query = self._family.query(table.observation, instruction)
        began = time.perf_counter()
        inputs = self._processor(
            images=query.image, text=query.text, intrinsics=query.intrinsics, depth_m=query.depth_m
        )
        self._model.generate(**inputs, max_new_tokens=query.max_new_tokens, do_sample=False)
        return time.perf_counter() - began


class Caller(Node):
    """Asks trace_node and waits for its answer."""

    def __init__(self) -> None:
        super().__init__("caller")
        self._client = self.create_client(GetTrace, "/trace_node/get_trace")

    def answer(self, instruction: str) -> tuple[GetTrace.Response, float]:
        """The response and the seconds it took.

        Raises:
            RuntimeError: when none comes.
        """
        answered = threading.Event()
        began = time.perf_counter()
        future = self._client.call_async(GetTrace.Request(instruction=instruction, target_frame=BASE_FRAME))
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(ANSWER_S):
            raise RuntimeError(f"trace_node did not answer within {ANSWER_S:g} s")
        return future.result(), time.perf_counter() - began

    def wait_until_up(self, instruction: str) -> None:
        """Until the node has loaded the model and seen the camera."""
        deadline = time.monotonic() + UP_S
        waiting = (GetTrace.Response.NOT_ACTIVE, GetTrace.Response.NO_IMAGE, GetTrace.Response.NO_TRANSFORM)
        while not self._client.wait_for_service(timeout_sec=1.0) or self.answer(instruction)[0].error_code in waiting:
            if time.monotonic() > deadline:
                raise RuntimeError(f"trace_node was not up within {UP_S:g} s")
            time.sleep(0.2)


def main() -> int:
    """Print both medians and their ratio; 0 when the node's median is below `TARGET_S`."""
    table, plain = tabletop(SEED), PlainModel()
    sentences = [task.sentence for task in table.tasks]
    join_own_domain()
    rclpy.init()
    caller = Caller()
    executor = SingleThreadedExecutor()
    executor.add_node(caller)
    threading.Thread(target=executor.spin, daemon=True).start()
    camera = start("benchmarks.programs.tabletop_camera", str(RATE_HZ), str(SEED))
    node = start("robotracer_ros.nodes.trace_node", "--ros-args", "--log-level", "error")
    node_s, plain_s, refused = [], [], 0
    try:
        caller.wait_until_up(sentences[0])
        for call in range(WARM_UP + CALLS):
            sentence = sentences[call % len(sentences)]
            response, seconds = caller.answer(sentence)
            refused += not response.success
            node_s.append(seconds)
            plain_s.append(plain.seconds(table, sentence))
    finally:
        stop(node)
        stop(camera)
    node_s, plain_s = node_s[WARM_UP:], plain_s[WARM_UP:]
    for name, seconds in (("trace_node", node_s), ("model alone", plain_s)):
        print(f"{name:>12}: median {statistics.median(seconds):.3f} s, p90 {float(np.quantile(seconds, 0.9)):.3f} s")
    median_s = statistics.median(node_s)
    ratio = median_s / statistics.median(plain_s)
    print(f"{CALLS} calls, {refused} refused; the node took {ratio:.2f} of the model alone")
    print(f"target: a median below {TARGET_S:g} s: {'met' if median_s < TARGET_S else 'missed'}")
    return 0 if median_s < TARGET_S else 1


if __name__ == "__main__":
    sys.exit(main())
