"""A frame of serialized messages that belong together, and the observation decoded from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from robotracer_ros.errors import BadCameraInfo, NoTransform
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.cameras import camera_from_info
from robotracer_ros.ros.compressed import compressed_to_depth_m, compressed_to_rgb
from robotracer_ros.ros.images import COLOUR_ENCODINGS, image_to_depth_m, image_to_rgb
from robotracer_ros.ros.pairing import Sample
from robotracer_ros.ros.rgbd_settings import RgbdSettings
from robotracer_ros.ros.serialized import read_image

LookupTransform = Callable[[str, str, int], RigidTransform]
"""``lookup(target_frame, source_frame, stamp_ns)``, which raises NoTransform."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Samples of one moment, still serialized; ``depth`` and ``depth_info`` hold one or none."""

    colour: Sample
    info: Sample
    depth: tuple[Sample, ...] = ()
    depth_info: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameDecoder:
    """Decodes frames of one camera.

    Attributes:
        settings: transports and units.
        rectified, depth_rectified: whether P of the camera infos applies.
        lookup: TF at a stamp, for depth in another frame than colour.
    """

    settings: RgbdSettings
    rectified: bool
    depth_rectified: bool
    lookup: LookupTransform | None

    def observation(self, frame: Frame) -> RgbdObservation:
        """The observation of one frame.

        Raises:
            BadImage, UnsupportedEncoding: pixels that cannot be read.
            BadCameraInfo: a camera that is uncalibrated, or not that of the image.
            NoTransform: for depth in another frame that TF cannot connect.
        """
        rgb = self._rgb(frame.colour)
        height, width = rgb.shape[:2]
        intrinsics = camera_from_info(deserialize_message(frame.info.data, CameraInfo), width, height, self.rectified)
        depth_m, depth_camera = None, None
        for sample in frame.depth:
            depth_m = self._depth_m(sample)
            depth_camera = self._depth_camera(frame, sample, intrinsics, depth_m.shape)
        stamp_ns, frame_id = frame.colour.stamp_ns, frame.colour.frame_id
        return RgbdObservation(rgb, depth_m, intrinsics, frame_id, stamp_ns, depth_camera)

    def _rgb(self, sample: Sample) -> npt.NDArray[np.uint8]:
        if self.settings.image_transport == "raw":
            image = read_image(sample.data)
            if image.encoding in COLOUR_ENCODINGS:
                return image_to_rgb(image)
            # cv_bridge, which reads what is not read here, needs the message itself.
            return image_to_rgb(deserialize_message(sample.data, Image))
        return compressed_to_rgb(deserialize_message(sample.data, CompressedImage))

    def _depth_m(self, sample: Sample) -> npt.NDArray[np.float32]:
        unit_m = self.settings.depth_unit_m
        if self.settings.depth_transport == "raw":
            return image_to_depth_m(read_image(sample.data), unit_m)
        return compressed_to_depth_m(deserialize_message(sample.data, CompressedImage), unit_m)

    def _depth_camera(
        self, frame: Frame, depth: Sample, colour: CameraIntrinsics, shape: tuple[int, ...]
    ) -> DepthCamera | None:
        """Where depth's pixels lie; None when they are colour's, as `RgbdObservation` has it."""
        height, width = shape
        same_frame = depth.frame_id == frame.colour.frame_id
        if same_frame and (width, height) == (colour.width, colour.height):
            return None
        if not frame.depth_info:
            return DepthCamera(_resized(colour, width, height), RigidTransform.identity(depth.frame_id))
        info = deserialize_message(frame.depth_info[0].data, CameraInfo)
        intrinsics = camera_from_info(info, width, height, self.depth_rectified)
        if same_frame:
            return DepthCamera(intrinsics, RigidTransform.identity(depth.frame_id))
        if self.lookup is None:
            raise NoTransform(
                f"depth is in frame {depth.frame_id!r}, colour in {frame.colour.frame_id!r}, and this subscriber was "
                f"given no TF; accepted: depth registered to colour, or a lookup"
            )
        return DepthCamera(intrinsics, self.lookup(frame.colour.frame_id, depth.frame_id, frame.colour.stamp_ns))


def _resized(colour: CameraIntrinsics, width: int, height: int) -> CameraIntrinsics:
    # Whole pixels leave the shape of a resized image free by up to one row.
    if abs(width * colour.height / colour.width - height) >= 1:
        raise BadCameraInfo(
            f"the depth image is {width}x{height} in the frame of a colour image of {colour.width}x{colour.height}, "
            f"and nothing came on depth_camera_info; accepted: that topic, or depth of the same shape as colour"
        )
    return colour.scaled_to(width, height)
