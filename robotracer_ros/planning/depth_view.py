"""The depth image in the geometry of the camera that measured it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform


@dataclass(frozen=True, slots=True, eq=False)
class DepthView:
    """A depth image, its camera, and where that camera stands.

    Attributes:
        depth_m: (H, W) float32 along the optical axis, NaN without a reading.
        camera: of ``depth_m``, lens included.
        view_from_color: from the observation's frame into the depth camera's optical frame; the identity for depth
            that is registered to colour.
    """

    depth_m: npt.NDArray[np.float32]
    camera: CameraIntrinsics
    view_from_color: RigidTransform

    @classmethod
    def of(cls, observation: RgbdObservation) -> DepthView | None:
        """The view that an observation's depth was measured in; None for an observation in colour only."""
        if observation.depth_m is None:
            return None
        if observation.depth_camera is None:
            return cls(observation.depth_m, observation.intrinsics, RigidTransform.identity(observation.frame_id))
        unregistered = observation.depth_camera
        return cls(observation.depth_m, unregistered.intrinsics, unregistered.color_from_depth.inverse())

    def cropped(self, rows: slice, columns: slice) -> DepthView:
        """The part of the image in a window, without copying it; the lens goes with it."""
        part = replace(
            self.camera,
            width=columns.stop - columns.start,
            height=rows.stop - rows.start,
            cx=self.camera.cx - columns.start,
            cy=self.camera.cy - rows.start,
        )
        return DepthView(self.depth_m[rows, columns], part, self.view_from_color)

    def without(self, mask: npt.NDArray[np.bool_]) -> DepthView:
        """The same view with the readings under ``mask`` (H, W) taken out."""
        remaining = np.where(mask, np.float32(np.nan), self.depth_m)
        return DepthView(remaining, self.camera, self.view_from_color)

    def window(self, centre_m: FloatArray, radius_m: float) -> tuple[slice, slice]:
        """Rows and columns that hold every pixel seeing a point within ``radius_m`` of ``centre_m`` (3,), view frame.

        The box around that ball is projected by its corners, which a lens bends to the inside at most slightly; a
        margin of two pixels takes that up. A ball that reaches behind the camera may be seen anywhere.
        """
        return self.window_of(centre_m[None], np.array([radius_m]))

    def window_of(self, centres_m: FloatArray, radii_m: FloatArray) -> tuple[slice, slice]:
        """The same for several balls at once, (N, 3) with radii (N,): the window around all of theirs."""
        whole = (slice(0, self.camera.height), slice(0, self.camera.width))
        if (centres_m[:, 2] <= radii_m).any():
            return whole
        signs = np.array(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 1])).reshape(3, -1).T
        pixels = self.camera.project((centres_m[:, None] + radii_m[:, None, None] * signs).reshape(-1, 3))
        if not np.isfinite(pixels).all():
            return whole
        size = (self.camera.width, self.camera.height)
        low = np.clip(np.floor(pixels.min(axis=0)) - 2, 0, size).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 3, 0, size).astype(int)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def points_in(self, rows: slice, columns: slice, stride: int = 1) -> FloatArray:
        """Points (h, w, 3) seen in a window, every ``stride``-th pixel, view frame; NaN without a reading."""
        rows, columns = slice(rows.start, rows.stop, stride), slice(columns.start, columns.stop, stride)
        depth = self.depth_m[rows, columns]
        v, u = np.meshgrid(
            np.arange(rows.start, rows.stop, stride), np.arange(columns.start, columns.stop, stride), indexing="ij"
        )
        return self.camera.deproject(np.column_stack([u.ravel(), v.ravel()]), depth.ravel()).reshape(*depth.shape, 3)

    def surface_depth(self, pixels: FloatArray, radius_px: int) -> FloatArray:
        """Depth (N,) of what is seen at pixels (N, 2); NaN off the image and where no reading is within ``radius_px``.

        Of the readings about as near to the pixel as the nearest one, the farthest is taken: a point that passes just
        beside an edge is not said to be behind it.
        """
        found = np.full(len(pixels), np.nan)
        inside = np.flatnonzero(self.camera.contains(pixels))
        centre = np.rint(pixels[inside]).astype(np.int64)
        offset = np.arange(-radius_px, radius_px + 1)
        # Beyond the border its pixels are repeated further away than they are, which changes nothing.
        rows = (centre[:, 1, None] + offset).clip(0, self.camera.height - 1)
        columns = (centre[:, 0, None] + offset).clip(0, self.camera.width - 1)
        depth = self.depth_m[rows[:, :, None], columns[:, None, :]]
        away_px = np.hypot(offset[:, None], offset[None, :])
        read = np.isfinite(depth) & (away_px <= radius_px)
        nearest_px = np.where(read, away_px, np.inf).min(axis=(1, 2), initial=np.inf)
        # One pixel more than the nearest reading, diagonals included.
        near = read & (away_px <= nearest_px[:, None, None] + 1.5)
        farthest = np.where(near, depth, -np.inf).max(axis=(1, 2), initial=-np.inf)
        found[inside] = np.where(np.isfinite(nearest_px), farthest, np.nan)
        return found
