"""What an idle trace_node costs while a camera runs, beside a plain rclpy node that decodes and pairs every frame.

python3 -m benchmarks.idle_cpu [--rounds N] [--seconds S]

A camera in a process of its own sends 1280x720 bgr8 and 16UC1 with camera_info at 30 Hz. The two nodes take turns in
the same run; each starts, warms up, and is measured by the time its process spends on the processor (user and system,
all threads, the middleware's included). Before trace_node is stopped it answers a request, so its frames were there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rclpy

from benchmarks.programs.camera import FRAME
from benchmarks.programs.processes import join_own_domain, start, stop
from robotracer_ros.srv import GetTrace

RATE_HZ, WARM_UP_S, TARGET = 30, 4.0, 0.2
INSTRUCTION = "look"


def processor_s(process: subprocess.Popen[str]) -> float:
    """Seconds on the processor so far: fields 14 and 15 of proc(5)'s stat, counted behind the name in brackets."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_core(process: subprocess.Popen[str], seconds: float) -> float:
    """What a process takes of one core, after a warm-up."""
    time.sleep(WARM_UP_S)
    before, began = processor_s(process), time.monotonic()
    time.sleep(seconds)
    return (processor_s(process) - before) / (time.monotonic() - began)


def answers() -> bool:
    """Whether trace_node answers a request now, in the camera's own frame."""
    node = rclpy.create_node("caller")
    client = node.create_client(GetTrace, "/trace_node/get_trace")
    client.wait_for_service(timeout_sec=10.0)
    future = client.call_async(GetTrace.Request(instruction=INSTRUCTION, target_frame=FRAME))
    rclpy.spin_until_future_complete(node, future, timeout_sec=10.0)
    node.destroy_node()
    return bool(future.done() and future.result().success)


def compare(rounds: int, seconds: float, recording: str) -> int:
    """Run the sides in turns; 0 when an idle trace_node costs no more than `TARGET` of decoding."""
    shares: dict[str, list[float]] = {"trace_node": [], "decoding": []}
    camera = start("benchmarks.programs.camera", str(RATE_HZ))
    try:
        for number in range(1, rounds + 1):
            replayed = ("-p", "backend:=replay", "-p", f"replay.answers:={recording}")
            ours = start("robotracer_ros.nodes.trace_node", "--ros-args", *replayed)
            shares["trace_node"].append(share_of_core(ours, seconds))
            answered = answers()
            stop(ours)
            plain = start("benchmarks.programs.decoding_node")
            shares["decoding"].append(share_of_core(plain, seconds))
            pairs_hz = int(stop(plain)) / (WARM_UP_S + seconds)
            print(
                f"round {number}: trace_node {100 * shares['trace_node'][-1]:5.2f} % of a core "
                f"({'answers' if answered else 'DOES NOT ANSWER'}), "
                f"decoding {100 * shares['decoding'][-1]:5.2f} % ({pairs_hz:.1f} pairs a second)",
                flush=True,
            )
            if not answered:
                return 1
    finally:
        stop(camera)
    ratio = statistics.median(shares["trace_node"]) / statistics.median(shares["decoding"])
    print(
        f"idle trace_node / decoding = {ratio:.3f}, target {TARGET} or less: {'met' if ratio <= TARGET else 'missed'}"
    )
    return 0 if ratio <= TARGET else 1


def main() -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    join_own_domain()
    rclpy.init()
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "answers.jsonl"
        row = {"question_id": 0, "prompt": INSTRUCTION, "model_prediction": "[(300, 600, 0.9), (700, 620, 1.1)]"}
        recording.write_text(json.dumps(row) + "\n")
        return compare(arguments.rounds, arguments.seconds, str(recording))


if __name__ == "__main__":
    sys.exit(main())
