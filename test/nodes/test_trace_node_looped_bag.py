"""A stream played at 15 Hz with its poses on TF, three times over with the clock jumping back, asked 50 times."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from nodes.harness import Client, recording, running
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from tf2_ros import TransformBroadcaster

from robotracer_ros.families import open_family
from robotracer_ros.geometry.lifting import lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.query import ModelAnswer
from robotracer_ros.rgbd_files import FramesFolder
from robotracer_ros.ros.convert import stamp_to_msg, transform_to_msg

INSTRUCTION, ANSWER = "go round the chair", "[(250, 700, 1.9), (400, 500, 2.1), (500, 600, 2.3), (650, 650, 2.0)]"
RATE_HZ, LOOPS, REQUESTS = 15, 3, 50
# Not from 0: a stamp of 0 means "latest" to TF. The clock runs ahead of each frame a little, as while recording.
BEGIN_NS, STEP_NS = 1_000 * 10**9, 10**9 // RATE_HZ


class Bag:
    """The frames, their poses, and a thread that plays them."""

    def __init__(self, path: Path) -> None:
        folder = FramesFolder.opened(path)
        self.frames: list[tuple[RgbdObservation, RigidTransform]] = []
        for index, frame in enumerate(folder.frames):
            observation = folder.observe(index, stamp_ns=BEGIN_NS + index * STEP_NS)
            self.frames.append((observation, folder.camera.world_from_camera[frame.name]))
        self.loops_begun = 0
        self._stop = threading.Event()

    def play(self, client: Client) -> Iterator[None]:
        clock = client.node.create_publisher(Clock, "/clock", QoSProfile(depth=10))
        tf = TransformBroadcaster(client.node)
        thread = threading.Thread(target=self._run, args=(client, clock, tf), daemon=True)
        thread.start()
        yield
        self._stop.set()
        thread.join(5.0)

    def _run(self, client: Client, clock, tf) -> None:
        due = time.monotonic()
        # More rounds than needed: the test ends the play, so that no request waits for a camera that is over.
        for _ in range(LOOPS + 5):
            self.loops_begun += 1
            for frame, pose in self.frames:
                if self._stop.is_set():
                    return
                clock.publish(Clock(clock=stamp_to_msg(frame.stamp_ns)))
                tf.sendTransform(transform_to_msg(pose, frame.stamp_ns))
                client.camera.publish(frame)
                due += 1 / RATE_HZ
                time.sleep(max(0.0, due - time.monotonic()))


@pytest.fixture
def bag(client: Client, shared: Path) -> Iterator[Bag]:
    yield Bag(shared / "rgbd" / "office")


def test_every_request_is_answered_from_one_pair_and_its_own_pose(client: Client, bag: Bag, tmp_path: Path) -> None:
    read = open_family("robotracer").read(ModelAnswer(ANSWER, "", 0.0))
    expected = {frame.stamp_ns: lift(read, frame).moved(pose).points_m for frame, pose in bag.frames}
    parameters = {
        "backend": "replay",
        "replay.answers": recording(tmp_path / "answers.jsonl", {INSTRUCTION: ANSWER}),
        "target_frame": "world",
        "use_sim_time": True,
        "overlay": False,
    }
    wrong, stamps, ages = [], [], []
    with running(tmp_path, parameters):
        for _ in bag.play(client):
            client.wait_until_active()
            began = bag.loops_begun
            pause_s = LOOPS * len(bag.frames) / RATE_HZ / REQUESTS
            due = time.monotonic()
            for _ in range(REQUESTS):
                asked = time.monotonic()
                response = client.trace(INSTRUCTION)
                ages.append(time.monotonic() - asked)
                stamp = response.trace.header.stamp.sec * 10**9 + response.trace.header.stamp.nanosec
                if not response.success:
                    wrong.append(response.message)
                    continue
                stamps.append(stamp)
                points = np.array([(p.position.x, p.position.y, p.position.z) for p in response.trace.points])
                if stamp not in expected or not np.allclose(points, expected[stamp], atol=1e-4):
                    wrong.append(f"stamp {stamp}: {points}")
                due += pause_s
                time.sleep(max(0.0, due - time.monotonic()))
            assert bag.loops_begun >= began + LOOPS - 1, "the play ended before the clock had jumped back"
    jumps = sum(later < earlier for earlier, later in pairwise(stamps))
    print(
        f"{len(stamps)} of {REQUESTS} answered, {len(set(stamps))} different frames, {jumps} jumps back seen, "
        f"slowest {max(ages):.2f} s"
    )
    assert not wrong
    assert jumps >= LOOPS - 1
    assert len(set(stamps)) > REQUESTS / 2
