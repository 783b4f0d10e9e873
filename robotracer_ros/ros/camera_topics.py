"""An observation as the topics of a camera: what a driver would publish of it."""

from __future__ import annotations

import array
from typing import Final

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from robotracer_ros.errors import BadImage
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.ros.images import rgb_to_image
from robotracer_ros.ros.stamps import header_of

_MOST_MILLIMETRES: Final = 65534
_QUEUE: Final = 5


def info_of(camera: CameraIntrinsics, frame_id: str, stamp_ns: int) -> CameraInfo:
    """``camera_info`` of an image as it is: no region, no binning, P equal to K."""
    message = CameraInfo(header=header_of(frame_id, stamp_ns), width=camera.width, height=camera.height)
    message.k = camera.matrix.ravel().tolist()
    message.r = np.eye(3).ravel().tolist()
    message.p = np.column_stack([camera.matrix, np.zeros(3)]).ravel().tolist()
    if camera.distortion.is_none:
        # As drivers have it: image_geometry rectifies nothing of a camera whose model is not named.
        message.distortion_model, message.d = "plumb_bob", [0.0] * 5
    else:
        message.distortion_model, message.d = camera.distortion.model, list(camera.distortion.coefficients)
    return message


def depth_to_image(depth_m: npt.NDArray[np.float32], frame_id: str, stamp_ns: int, encoding: str = "16UC1") -> Image:
    """A depth image of (H, W) metres: 16UC1 in millimetres with 0 for no reading, or 32FC1 with NaN.

    Raises:
        BadImage: for another encoding.
    """
    if encoding == "32FC1":
        pixels: npt.NDArray[np.generic] = np.ascontiguousarray(depth_m, dtype="<f4")
    elif encoding == "16UC1":
        millimetres = np.rint(np.nan_to_num(depth_m, nan=0.0) * 1000.0)
        pixels = np.where(millimetres <= _MOST_MILLIMETRES, millimetres, 0).astype("<u2")
    else:
        raise BadImage(f"depth is written as 16UC1 or 32FC1, received {encoding!r}")
    height, width = depth_m.shape
    message = Image(height=height, width=width, encoding=encoding, step=width * pixels.itemsize)
    message.header = header_of(frame_id, stamp_ns)
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(pixels).data.cast("B"))
    message.data = data
    return message


class CameraTopics:
    """Publishes observations on ``image``, ``depth``, ``camera_info`` and, for unregistered depth, its own info.

    Args:
        node: its namespace and remappings apply.
        depth_encoding: "16UC1" or "32FC1".
        reliable: drivers publish best effort; a player that must not lose a frame publishes reliably.
    """

    def __init__(self, node: Node, *, depth_encoding: str = "16UC1", reliable: bool = False) -> None:
        reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=_QUEUE, reliability=reliability)
        self._depth_encoding = depth_encoding
        self._image = node.create_publisher(Image, "image", qos)
        self._depth = node.create_publisher(Image, "depth", qos)
        self._info = node.create_publisher(CameraInfo, "camera_info", qos)
        self._depth_info = node.create_publisher(CameraInfo, "depth_camera_info", qos)

    def publish(self, observation: RgbdObservation, stamp_ns: int | None = None) -> None:
        """Publish one observation; ``stamp_ns`` replaces its own stamp."""
        stamp = observation.stamp_ns if stamp_ns is None else stamp_ns
        frame, depth, depth_info = observation.frame_id, None, None
        if observation.depth_m is not None:
            depth_frame = frame
            if observation.depth_camera is not None:
                depth_frame = observation.depth_camera.color_from_depth.source_frame
                depth_info = info_of(observation.depth_camera.intrinsics, depth_frame, stamp)
            depth = depth_to_image(observation.depth_m, depth_frame, stamp, self._depth_encoding)
        image, info = rgb_to_image(observation.rgb, frame, stamp), info_of(observation.intrinsics, frame, stamp)
        self.publish_messages(image, depth, info, depth_info)

    def publish_messages(
        self, image: Image | None, depth: Image | None, info: CameraInfo | None, depth_info: CameraInfo | None = None
    ) -> None:
        """Publish messages as they are; None stays away."""
        for publisher, message in (
            (self._info, info),
            (self._depth_info, depth_info),
            (self._image, image),
            (self._depth, depth),
        ):
            if message is not None:
                publisher.publish(message)
