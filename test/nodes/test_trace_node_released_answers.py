"""RoboTracer's own 100 answers through the live node over DDS, each with its own camera: equal to lifting offline."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from nodes.harness import Client, running

from robotracer_ros.families import open_family
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.lifting import lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.query import ModelAnswer
from robotracer_ros.rgbd_files import read_depth_m, read_rgb

# A camera that looks down at an angle, as on a mast, so that a forgotten or inverted rotation cannot pass.
TURNED = np.array([-0.6, 0.55, -0.4, 0.42])
BASE_FROM_CAMERA = RigidTransform.from_quaternion_xyzw(
    "base_link", "camera_optical", TURNED / np.linalg.norm(TURNED), [0.3, -0.2, 1.1]
)


def observation_of(folder: Path, row: dict) -> RgbdObservation:
    raw = folder / "raw_data"
    rgb, depth = read_rgb(raw / row["image_path"]), read_depth_m(raw / row["gt_depth_path"])
    k = np.array(row["gt_depth_intrinsics"])
    height, width = depth.shape
    camera = CameraIntrinsics(width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    return RgbdObservation(rgb, depth, camera, "camera_optical", 0)


def test_all_released_answers_come_out_as_offline(client: Client, shared: Path, tmp_path: Path) -> None:
    folder = shared / "tracespatial-standin"
    recorded = folder / "robotracer_3d.jsonl"
    family = open_family("robotracer")
    worst_m, failed = 0.0, {}
    with running(tmp_path, {"backend": "replay", "replay.answers": str(recorded), "path.clearance_m": 0.0}):
        client.broadcast(BASE_FROM_CAMERA)
        client.wait_until_active()
        for row in map(json.loads, recorded.read_text().splitlines()):
            seen = observation_of(folder, row)
            offline = lift(family.read(ModelAnswer(row["model_prediction"], "", 0.0)), seen).moved(BASE_FROM_CAMERA)
            response = _traced(client, seen, row["prompt"])
            if not response.success:
                failed[row["question_id"]] = response.message
                continue
            live = np.array([(p.position.x, p.position.y, p.position.z) for p in response.trace.points])
            assert live.shape == offline.points_m.shape
            worst_m = max(worst_m, float(np.abs(live - offline.points_m).max()))
            assert response.trace.header.frame_id == response.path.header.frame_id == "base_link"
            ends = [(p.pose.position.x, p.pose.position.y, p.pose.position.z) for p in response.path.poses]
            np.testing.assert_allclose([ends[0], ends[-1]], live[[0, -1]], atol=1e-6)
    print(f"100 answers over DDS, largest difference to offline lifting {worst_m * 1000:.6f} mm")
    assert not failed
    assert worst_m < 0.001


def _traced(client: Client, seen: RgbdObservation, instruction: str):
    """Publish a frame until the answer is about it, and not about the frame before."""
    deadline = time.monotonic() + 20.0
    stamp = client.now_ns()
    while True:
        client.camera.publish(seen, stamp)
        response = client.trace(instruction)
        answered = response.trace.header.stamp.sec * 10**9 + response.trace.header.stamp.nanosec
        if answered == stamp or (not response.success and response.error_code >= 20):
            return response
        assert time.monotonic() < deadline, response.message
        stamp = client.now_ns()
