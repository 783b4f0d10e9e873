"""What an idle node costs while a camera runs: waiting images against decoding and pairing every frame.

``python3 -m benchmarks.idle_cpu [--rounds N] [--seconds S]``

A publisher in a process of its own sends 1280x720 bgr8 and 16UC1 with camera_info at 30 Hz. In turns, a process with an
`RgbdSubscriber` that nobody asks, and one with a plain rclpy node that decodes and pairs every frame, spin for some
seconds; both report their own CPU time (user and system, all threads, the middleware's included). A third process, a
node that subscribes to nothing, shows what rclpy costs by itself.
"""

from __future__ import annotations

import argparse
import array
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from robotracer_ros.ros.images import image_to_depth_m, image_to_rgb
from robotracer_ros.ros.rgbd import RgbdSubscriber
from robotracer_ros.ros.stamps import header_of, stamp_ns

WIDTH, HEIGHT, RATE_HZ = 1280, 720, 30.0
TOPICS = ((Image, "image"), (Image, "depth"), (CameraInfo, "camera_info"))
QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
SLOP_NS = 20_000_000
WARM_UP_S = 2.0
TARGET = 0.2


class DecodeEveryFrame:
    """The plain way: each callback decodes its image, and pairs it with the latest of the other topic by stamp."""

    def __init__(self, node: Node) -> None:
        self.frames: dict[str, tuple[int, np.ndarray]] = {}
        self.pairs = 0
        node.create_subscription(Image, "image", self.on_image, QOS)
        node.create_subscription(Image, "depth", self.on_depth, QOS)
        node.create_subscription(CameraInfo, "camera_info", self.on_info, QOS)

    def on_image(self, message: Image) -> None:
        """Decode a colour image."""
        self.keep("image", message, image_to_rgb(message))

    def on_depth(self, message: Image) -> None:
        """Decode a depth image."""
        self.keep("depth", message, image_to_depth_m(message))

    def on_info(self, message: CameraInfo) -> None:
        """Keep the newest camera_info."""
        self.info = message

    def keep(self, topic: str, message: Image, pixels: np.ndarray) -> None:
        """Pair an image with the latest of the other topic."""
        self.frames[topic] = (stamp_ns(message.header.stamp), pixels)
        if len(self.frames) == 2 and abs(self.frames["image"][0] - self.frames["depth"][0]) <= SLOP_NS:
            self.pairs += 1
            self.frames.clear()


def publish() -> None:
    """Publish frames until the process is ended."""
    node = rclpy.create_node("camera")
    publishers = [node.create_publisher(kind, topic, QOS) for kind, topic in TOPICS]
    messages = [_image("bgr8", 3), _image("16UC1", 2), CameraInfo(width=WIDTH, height=HEIGHT)]
    messages[2].k = [600.0, 0.0, 639.5, 0.0, 600.0, 359.5, 0.0, 0.0, 1.0]
    started, count = time.monotonic(), 0
    while rclpy.ok():
        header = header_of("camera", node.get_clock().now().nanoseconds)
        for publisher, message in zip(publishers, messages, strict=True):
            message.header = header
            publisher.publish(message)
        count += 1
        time.sleep(max(0.0, started + count / RATE_HZ - time.monotonic()))


def _image(encoding: str, bytes_per_pixel: int) -> Image:
    data = array.array("B")
    data.frombytes(np.random.default_rng(0).integers(1, 255, WIDTH * HEIGHT * bytes_per_pixel, np.uint8).tobytes())
    return Image(width=WIDTH, height=HEIGHT, encoding=encoding, step=WIDTH * bytes_per_pixel, data=data)


def measure(side: str, seconds: float) -> None:
    """Spin one side; print the share of a core it took, and what it can show for it."""
    node = rclpy.create_node(f"idle_{side}")
    subscriber = RgbdSubscriber(node) if side == "waiting" else None
    plain = DecodeEveryFrame(node) if side == "decoding" else None
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    _spin(executor, WARM_UP_S)
    before, started = _cpu_s(), time.monotonic()
    pairs_before = plain.pairs if plain else 0
    _spin(executor, seconds)
    share = (_cpu_s() - before) / (time.monotonic() - started)
    if subscriber:
        # Proof that frames were there all the time: the newest is at hand.
        subscriber.newest(0.5, 0.5)
    print(share, (plain.pairs - pairs_before) / seconds if plain else 0.0)


def _spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def compare(rounds: int, seconds: float) -> int:
    """Run the sides in turns; 0 when waiting costs no more than `TARGET` of decoding."""
    shares: dict[str, list[float]] = {"empty": [], "waiting": [], "decoding": []}
    publisher = _start("publish")
    try:
        for number in range(1, rounds + 1):
            for side, measured in shares.items():
                share, pairs_hz = map(float, _start(side, str(seconds)).communicate()[0].split())
                measured.append(share)
                print(f"round {number}  {side:9} {100 * share:6.2f} % of a core", end="")
                print(f"  {pairs_hz:.1f} pairs/s" if side == "decoding" else "", flush=True)
    finally:
        publisher.terminate()
        publisher.wait()
    medians = {side: statistics.median(measured) for side, measured in shares.items()}
    ratio = medians["waiting"] / medians["decoding"]
    print("  ".join(f"{side} {100 * median:.2f} %" for side, median in medians.items()), "(medians)")
    print(f"waiting / decoding = {ratio:.3f}, target {TARGET} or less: {'met' if ratio <= TARGET else 'missed'}")
    return 0 if ratio <= TARGET else 1


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.idle_cpu", "--side", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> int:
    """Compare, or be one of the processes compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--side", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # Strangers on the default domain would be heard by both sides.
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    if not arguments.side:
        return compare(arguments.rounds, arguments.seconds)
    rclpy.init()
    if arguments.side[0] == "publish":
        publish()
    else:
        measure(arguments.side[0], float(arguments.side[1]))
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
