"""The pinhole camera with its lens: metres to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BadCameraInfo
from robotracer_ros.geometry.arrays import FloatArray

# Coefficient counts that sensor_msgs/distortion_models and OpenCV define, by model.
DISTORTION_MODELS: Final = {
    "none": (0,),
    "plumb_bob": (4, 5),
    "rational_polynomial": (8, 12, 14),
    "equidistant": (4,),
}
# A ray is believed when it projects back this close to its pixel.
_ROUND_TRIP_TOLERANCE_PX: Final = 0.05
_UNDISTORT_STOP: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)


@dataclass(frozen=True, slots=True)
class Distortion:
    """How the lens bends rays, in the words of ``sensor_msgs/CameraInfo.distortion_model``.

    Attributes:
        model: "none", "plumb_bob" (k1 k2 p1 p2 [k3]), "rational_polynomial" (k1 k2 p1 p2 k3 k4 k5 k6 ...) or
            "equidistant" (k1 k2 k3 k4, a fisheye).
        coefficients: in the order of OpenCV's calib3d and fisheye modules.

    Raises:
        BadCameraInfo: for a model or a number of coefficients not listed above, or values not finite.
    """

    model: str = "none"
    coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        coefficients = tuple(float(value) for value in self.coefficients)
        if self.model not in DISTORTION_MODELS:
            raise BadCameraInfo(
                f"distortion model {self.model!r} is not read; accepted: {', '.join(DISTORTION_MODELS)}"
            )
        if len(coefficients) not in DISTORTION_MODELS[self.model]:
            raise BadCameraInfo(
                f"{self.model} takes {' or '.join(map(str, DISTORTION_MODELS[self.model]))} distortion coefficients, "
                f"received {len(coefficients)}"
            )
        if not np.isfinite(coefficients).all():
            raise BadCameraInfo(f"distortion coefficients must be finite, received {coefficients}")
        object.__setattr__(self, "coefficients", coefficients)

    @property
    def is_none(self) -> bool:
        """Whether the lens bends nothing: no coefficients, or all of them zero in a polynomial model."""
        return self.model == "none" or (self.model != "equidistant" and not any(self.coefficients))


@dataclass(frozen=True, slots=True)
class CameraIntrinsics:
    """A camera's size, focal lengths, principal point and distortion, all in pixels of one image.

    Pixel centres have whole-number coordinates, so the image spans -0.5 to width - 0.5. The optical frame is
    that of REP 103: z forward, x right, y down.

    Attributes:
        width, height: of the image these numbers belong to.
        fx, fy, cx, cy: pixels.
        distortion: of the image's own pixels; ``Distortion()`` for a rectified image.

    Raises:
        BadCameraInfo: for sizes below 1, focal lengths that are not above 0, or values not finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion = field(default_factory=Distortion)

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise BadCameraInfo(f"the camera's image must have pixels, received {self.width}x{self.height}")
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise BadCameraInfo(
                f"focal lengths must be above 0 px and all of fx, fy, cx, cy finite, received fx={self.fx} "
                f"fy={self.fy} cx={self.cx} cy={self.cy}; an uncalibrated camera publishes K = 0"
            )

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) camera matrix K."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def project(self, points_m: npt.ArrayLike) -> FloatArray:
        """Where (N, 3) points in metres appear: (N, 2) pixels, NaN for points not in front of the camera."""
        points = np.asarray(points_m, dtype=np.float64).reshape(-1, 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            normalised = np.where(points[:, 2:] > 0, points[:, :2] / points[:, 2:], np.nan)
        return self._distort(normalised) * (self.fx, self.fy) + (self.cx, self.cy)

    def rays(self, pixels: npt.ArrayLike) -> FloatArray:
        """(N, 2) directions x/z and y/z of (N, 2) pixels with the lens undone; NaN where no ray reaches the pixel."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        bent = (pixels - (self.cx, self.cy)) / (self.fx, self.fy)
        if self.distortion.is_none or not len(bent):
            return bent
        straight = self._undistort(bent)
        with np.errstate(invalid="ignore"):
            off_px = np.abs(self._distort(straight) - bent).max(axis=1) * max(self.fx, self.fy)
            straight[~(off_px < _ROUND_TRIP_TOLERANCE_PX)] = np.nan
        return straight

    def deproject(self, pixels: npt.ArrayLike, depth_m: npt.ArrayLike) -> FloatArray:
        """(N, 3) points of the camera frame, metres, seen at (N, 2) pixels at (N,) depths along the optical axis."""
        rays = self.rays(pixels)
        depth = np.broadcast_to(np.asarray(depth_m, dtype=np.float64).reshape(-1), (len(rays),))
        return np.column_stack([rays * depth[:, None], depth])

    def undistort_pixels(self, pixels: npt.ArrayLike) -> FloatArray:
        """(N, 2) pixels of the ideal camera with the same fx, fy, cx, cy; NaN where no ray reaches the pixel."""
        return self.rays(pixels) * (self.fx, self.fy) + (self.cx, self.cy)

    def scaled_to(self, width: int, height: int) -> CameraIntrinsics:
        """The camera of the same image resized to ``width`` x ``height``, as image_proc's ResizeNode scales K."""
        scale_x, scale_y = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * scale_x,
            fy=self.fy * scale_y,
            cx=self.cx * scale_x,
            cy=self.cy * scale_y,
        )

    def contains(self, pixels: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """(N,) whether each of (N, 2) pixels lies on the image."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        with np.errstate(invalid="ignore"):
            inside = (pixels >= -0.5) & (pixels < np.array([self.width, self.height]) - 0.5)
        return np.asarray(inside.all(axis=1))

    def _distort(self, straight: FloatArray) -> FloatArray:
        if self.distortion.is_none or not len(straight):
            return straight
        if self.distortion.model == "equidistant":
            radius = np.hypot(straight[:, 0], straight[:, 1])
            angle = np.arctan(radius)
            return straight * _ratio(_equidistant_radius(angle, self.distortion.coefficients), radius)[:, None]
        points = np.column_stack([straight, np.ones(len(straight))])
        known = np.isfinite(straight).all(axis=1)
        bent = np.full_like(straight, np.nan)
        if known.any():
            zero = np.zeros(3)
            coefficients = np.array(self.distortion.coefficients)
            bent[known] = cv2.projectPoints(points[known], zero, zero, np.eye(3), coefficients)[0].reshape(-1, 2)
        return bent

    def _undistort(self, bent: FloatArray) -> FloatArray:
        if self.distortion.model == "equidistant":
            radius = np.hypot(bent[:, 0], bent[:, 1])
            angle = _equidistant_angle(radius, self.distortion.coefficients)
            with np.errstate(invalid="ignore"):
                # A fisheye sees beyond 90 degrees, where no x/z exists.
                straight = np.where(angle < np.pi / 2, np.tan(angle), np.nan)
            return bent * _ratio(straight, radius)[:, None]
        coefficients = np.array(self.distortion.coefficients)
        found = cv2.undistortPointsIter(
            bent.reshape(-1, 1, 2), np.eye(3), coefficients, np.eye(3), np.eye(3), _UNDISTORT_STOP
        )
        return np.asarray(found, dtype=np.float64).reshape(-1, 2)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """numerator / denominator, 1 at the optical axis where both vanish."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 1e-12, numerator / denominator, 1.0)


def _equidistant_radius(angle: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Radius on the image of rays ``angle`` off the axis: the Kannala-Brandt polynomial of OpenCV's fisheye module."""
    squared = angle**2
    k1, k2, k3, k4 = coefficients
    return angle * (1 + squared * (k1 + squared * (k2 + squared * (k3 + squared * k4))))


def _equidistant_angle(radius: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Invert `_equidistant_radius` by Newton's method; ``rays`` checks the result by projecting it back."""
    k1, k2, k3, k4 = coefficients
    angle = np.minimum(radius, np.pi / 2)
    for _ in range(20):
        squared = angle**2
        slope = 1 + squared * (3 * k1 + squared * (5 * k2 + squared * (7 * k3 + squared * 9 * k4)))
        with np.errstate(divide="ignore", invalid="ignore"):
            angle = np.clip(angle - (_equidistant_radius(angle, coefficients) - radius) / slope, 0, np.pi)
    return angle
