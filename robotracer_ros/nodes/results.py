"""The results of trace_node on their topics: what robots follow at once, what people look at after the answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from nav_msgs.msg import Path
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from robotracer_ros.errors import InvalidRequest, NotActive
from robotracer_ros.msg import SpatialTrace
from robotracer_ros.nodes.tracing import Traced
from robotracer_ros.overlay import draw_overlay
from robotracer_ros.ros.convert import path_to_msg, rgb_to_image, spatial_trace_to_msg
from robotracer_ros.ros.markers import trace_markers
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos

_TOPICS = {"trace": SpatialTrace, "path": Path, "markers": MarkerArray, "overlay": Image}


class Results:
    """The publishers ``~/trace``, ``~/path``, ``~/markers`` and ``~/overlay``: reliable, the last message kept.

    Args:
        node: published while it is active.

    Raises:
        InvalidRequest: for QoS overrides that cannot be used.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        # A request may end in one thread while the node is cleaned up in another.
        self._lock = threading.Lock()
        self._publishers: dict[str, Any] = {}
        try:
            for name, kind in _TOPICS.items():
                self._open(name, kind)
        except InvalidRequest:
            self.close()
            raise

    def publish(self, traced: Traced, seconds: Mapping[str, float]) -> tuple[SpatialTrace, Path]:
        """Publish trace and path, and return them; ``seconds`` are those of the stages.

        Raises:
            NotActive: after `close`.
        """
        camera = traced.observation.intrinsics
        trace = spatial_trace_to_msg(
            traced.result.spatial.moved(traced.target_from_camera),
            traced.result.visual,
            traced.observation.frame_id,
            traced.instruction,
            traced.result.answer.text,
            traced.result.answer.model,
            seconds,
            image_size_px=(camera.width, camera.height),
        )
        path = path_to_msg(traced.path)
        with self._lock:
            if not self._publishers:
                raise NotActive("the node was cleaned up while the request ran; ask again when it is active")
            self._publishers["trace"].publish(trace)
            self._publishers["path"].publish(path)
        return trace, path

    def show(self, traced: Traced, *, overlay: bool) -> None:
        """Publish the markers, and the overlay when it is wanted; after `close` nobody looks any more."""
        spatial = traced.result.spatial
        moved = spatial.moved(traced.target_from_camera)
        self._show("markers", trace_markers(moved, traced.instruction, traced.path))
        if overlay:
            picture = draw_overlay(traced.observation.rgb, spatial, traced.instruction)
            self._show("overlay", rgb_to_image(picture, spatial.frame_id, spatial.stamp_ns))

    def close(self) -> None:
        """Give up the publishers. Calling it twice is fine."""
        with self._lock:
            while self._publishers:
                self._node.destroy_lifecycle_publisher(self._publishers.popitem()[1])

    def _open(self, name: str, kind: type) -> None:
        with overridable(self._node.resolve_topic_name(f"~/{name}")):
            self._publishers[name] = self._node.create_lifecycle_publisher(
                kind, f"~/{name}", result_qos(), qos_overriding_options=OVERRIDES
            )

    def _show(self, name: str, message: MarkerArray | Image) -> None:
        with self._lock:
            if name in self._publishers:
                self._publishers[name].publish(message)
