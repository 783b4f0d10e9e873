"""Lifting: a visual trace and what the camera measured become a spatial trace in metres."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BadCameraInfo, InvalidRequest, NoDepth
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.ray_curve import smoothest_depths
from robotracer_ros.geometry.readings import DepthReadings, readings_of
from robotracer_ros.geometry.surface import SurfaceReading, read_surface
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace, VisualTrace

CONTACTS: Final = ("ends", "start", "all", "none")
# A slope is believed within these factors of one (the model's metres, offset) or of the plain ratio of depths (another
# unit); any other would be the model's noise, amplified.
_SLOPE_RANGE: Final = (0.5, 2.0)
# With contacts nearer to each other in depth than this share, their slope is noise and only a scale is taken. Between
# 0.1, which lets the noise of good models through, and 0.3, which takes too many of their offsets for a scale.
_LEAST_SPREAD: Final = 0.2
# A square with less than this share of its readings sees the rim of a hole: a line, through which no plane is sure, or
# one side only of what the hole lies between.
_LEAST_FILLED: Final = 0.25
# Smaller squares hold no block of readings to tell a thing from flying pixels by.
_LEAST_RADIUS_PX: Final = 4
_MOST_CEILINGS: Final = 2000
# Depth of another camera is carried onto colour for this many neighbouring ceilings at a time: few regions, and small.
_CEILINGS_PER_REGION: Final = 8
# Readings nearer than this share of the depth to the middle one are a surface's own slant; more is an obstacle.
_SLANT: Final = 0.03
# The clearance grows from nothing at a contact to full within a fifth of the way.
_CLEARANCE_GROWTH: Final = 6.0


@dataclass(frozen=True, slots=True)
class LiftSettings:
    """How lifting reads the sensor.

    Attributes:
        window: half the side of the square read around a contact, as a share of the image's width; at least 4 px.
        reach: the same for the largest square tried where the first is mostly a hole.
        clearance_m: how far in front of the seen surface a point in mid-air stays when the model gives no depth.
        contacts: which points touch a surface and take the sensor's depth: "ends" (first and last), "start" (an end
            that hovers), "all" (points to, not a trace) or "none".

    Raises:
        InvalidRequest: for a value outside its range.
    """

    window: float = 0.004
    reach: float = 0.03
    clearance_m: float = 0.03
    contacts: str = "ends"

    def __post_init__(self) -> None:
        for name in ("window", "reach", "clearance_m"):
            if not isinstance(getattr(self, name), Real):
                raise InvalidRequest(f"{name} must be a number, received {getattr(self, name)!r}")
        if not 0 < self.window <= self.reach <= 0.5:
            raise InvalidRequest(
                f"window and reach are shares of the image's width with 0 < window <= reach <= 0.5, "
                f"received {self.window} and {self.reach}"
            )
        if not 0 <= self.clearance_m < 1:
            raise InvalidRequest(f"clearance_m must be 0 to 1 m, received {self.clearance_m}")
        if self.contacts not in CONTACTS:
            raise InvalidRequest(f"contacts must be one of {', '.join(CONTACTS)}, received {self.contacts!r}")

    def radii_px(self, width: int) -> tuple[int, int]:
        """(window, reach) in whole pixels of an image ``width`` pixels wide."""
        window = max(_LEAST_RADIUS_PX, round(self.window * width))
        return window, max(window, round(self.reach * width))


def lift(visual: VisualTrace, observation: RgbdObservation, settings: LiftSettings | None = None) -> SpatialTrace:
    """Give every point of a visual trace a depth, and with it a place in the camera's frame.

    Contacts take the sensor's depth. Points in mid-air take the model's, carried onto the sensor's at the contacts;
    where the model gave none they lie on the smoothest curve that stays in front of what the camera saw.

    Args:
        visual: the model's points.
        observation: the frame they were seen in, with or without depth.
        settings: defaults to ``LiftSettings()``.

    Returns:
        The trace in ``observation.frame_id``.

    Raises:
        NoDepth: naming a contact that neither the sensor nor the model gives a depth for.
        BadCameraInfo: when the lens model reaches a traced pixel by no ray.
    """
    settings = settings or LiftSettings()
    camera = observation.intrinsics
    pixels = visual.pixels(camera.width, camera.height)
    readings = readings_of(observation)
    return _Lifting(visual, camera, pixels, readings, settings).result(observation.frame_id, observation.stamp_ns)


def lift_without_image(
    visual: VisualTrace, camera: CameraIntrinsics, frame_id: str = "camera", stamp_ns: int = 0
) -> SpatialTrace:
    """Lift by the model's own depth alone.

    Raises:
        NoDepth: when the model gave no depth for a point.
        BadCameraInfo: when the lens model reaches a traced pixel by no ray.
    """
    pixels = visual.pixels(camera.width, camera.height)
    return _Lifting(visual, camera, pixels, None, LiftSettings()).result(frame_id, stamp_ns)


class _Lifting:
    """The lifting of one trace, step by step."""

    def __init__(
        self,
        visual: VisualTrace,
        camera: CameraIntrinsics,
        pixels: FloatArray,
        readings: DepthReadings | None,
        settings: LiftSettings,
    ) -> None:
        self.visual = visual
        self.pixels = pixels
        self.rays = camera.rays(pixels)
        lost = np.flatnonzero(~np.isfinite(self.rays).all(axis=1))
        if len(lost):
            raise BadCameraInfo(
                f"the {camera.distortion.model} lens reaches pixel {pixels[lost[0]].round(1).tolist()} of point "
                f"{lost[0] + 1} by no ray in front of the camera; check the distortion coefficients"
            )
        self.readings = readings
        self.settings = settings
        self.radius_px, self.reach_px = settings.radii_px(camera.width)
        self.model_m = np.full(len(visual), np.nan) if visual.depth_m is None else visual.depth_m

    def result(self, frame_id: str, stamp_ns: int) -> SpatialTrace:
        contacts = self._contacts()
        surfaces = {index: surface for index in contacts if (surface := self._surface(index)) is not None}
        sensor_m = np.full(len(self.visual), np.nan)
        for index, surface in surfaces.items():
            sensor_m[index] = surface.depth_m
        fused = carry_onto(self.model_m, sensor_m, self._way_px())
        known = np.where(np.isfinite(sensor_m), sensor_m, fused)
        self._require_ends(known)
        depth = self._fill(known)
        source = np.full(len(depth), DepthSource.INTERPOLATED.value, dtype=np.uint8)
        source[np.isfinite(fused)] = DepthSource.MODEL
        source[np.isfinite(sensor_m)] = DepthSource.SENSOR
        return SpatialTrace(
            points_m=np.column_stack([self.rays * depth[:, None], depth]),
            frame_id=frame_id,
            stamp_ns=stamp_ns,
            pixels=self.pixels,
            depth_m=depth,
            depth_source=source,
            disagreement_m=np.abs(self.model_m - sensor_m),
            confidence=self._confidence(source, surfaces, sensor_m),
        )

    def _contacts(self) -> list[int]:
        last = len(self.visual) - 1
        return {"ends": [*{0, last}], "start": [0], "all": [*range(last + 1)], "none": []}[self.settings.contacts]

    def _surface(self, index: int) -> SurfaceReading | None:
        """The sensor at one point: the window, grown up to the reach until enough of it is filled."""
        if self.readings is None:
            return None
        radius = self.radius_px
        window = self.readings.window(self.pixels[index], radius)
        while len(window.depth_m) < _LEAST_FILLED * window.capacity and radius < self.reach_px:
            radius = min(2 * radius, self.reach_px)
            window = self.readings.window(self.pixels[index], radius)
        return read_surface(window, self.rays[index], float(self.model_m[index]))

    def _require_ends(self, known: FloatArray) -> None:
        last = len(known) - 1
        for index in range(len(known)) if self.settings.contacts == "all" else (0, last):
            if not np.isfinite(known[index]):
                u, v = self.pixels[index]
                raise NoDepth(
                    f"no depth for point {index + 1} of {last + 1} at pixel ({u:.0f}, {v:.0f}): "
                    f"{self._why_no_sensor(index)}, and the model gave none; accepted: a depth image with readings at "
                    f"a contact, or a model that answers with depth"
                )

    def _why_no_sensor(self, index: int) -> str:
        if self.readings is None:
            return "there is no depth image"
        if index not in self._contacts():
            return f"it is no contact with contacts={self.settings.contacts!r}, so the depth image was not asked"
        return f"the depth image has no reading within {self.reach_px} px"

    def _fill(self, known: FloatArray) -> FloatArray:
        if np.isfinite(known).all():
            return known
        way = self._way_px()
        # As far apart as the squares can stand and still touch, so that nothing passes between them unseen.
        count = int(np.clip(np.ceil(way[-1] / (2.0 * self.radius_px)) + 1, 2, _MOST_CEILINGS))
        seen_at = np.linspace(0.0, way[-1], count)
        nearest, slant = self._seen(seen_at, way)
        # At a step in depth the nearer surface may stand anywhere in its square: there its ceiling reaches to the edge.
        surface = np.concatenate([known[:1], nearest[1:-1], known[-1:]])
        farther = np.diff(surface) / surface[:-1]
        before = np.where(np.append(False, farther < -_SLANT), nearest, np.nan)
        after = np.where(np.append(farther > _SLANT, False), nearest, np.nan)
        at = np.clip(np.concatenate([seen_at, seen_at - self.radius_px, seen_at + self.radius_px]), 0.0, way[-1])
        # The contacts lie on a surface. The clearance grows from nothing there, and the slant of the surface within a
        # square is no obstacle. A parabola bends evenly: over a plane the curve stays near the clearance.
        share = at / max(float(way[-1]), 1e-9)
        grown = np.clip(_CLEARANCE_GROWTH * share * (1.0 - share), 0.0, 1.0)
        ceilings = np.concatenate([nearest, before, after]) - grown * self.settings.clearance_m
        ceilings += (1.0 - grown) * np.tile(slant, 3)
        return smoothest_depths(way, known, at, ceilings)

    def _way_px(self) -> FloatArray:
        """(N,) way along the trace on the image."""
        steps = np.linalg.norm(np.diff(self.pixels, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def _seen(self, at: FloatArray, way: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(K,) the nearest surface in the squares along the way, and its slant within them; NaN where unseen."""
        if self.readings is None:
            return np.full(len(at), np.nan), np.full(len(at), np.nan)
        pixels = np.column_stack([np.interp(at, way, self.pixels[:, axis]) for axis in (0, 1)])
        parts = np.array_split(pixels, -(-len(pixels) // _CEILINGS_PER_REGION))
        regions = [(self.readings.around(part, self.radius_px), part) for part in parts]
        windows = [region.window(pixel, self.radius_px) for region, part in regions for pixel in part]
        # A tenth of the readings may be flying pixels in front of the surface.
        seen = np.array([np.quantile(w.depth_m, (0.1, 0.5)) if len(w.depth_m) else (np.nan, np.nan) for w in windows])
        nearest, middle = seen.T
        return nearest, np.where(middle - nearest < _SLANT * middle, middle - nearest, 0.0)

    def _confidence(
        self, source: npt.NDArray[np.uint8], surfaces: dict[int, SurfaceReading], sensor_m: FloatArray
    ) -> FloatArray:
        """The model's own confidence, times what speaks for the depth.

        A sensor's depth counts half, and up to whole with the share of the window that shows the surface. A model's
        depth counts by how well model and sensor agree at the contacts (a tenth of the depth off halves it), half
        where no sensor spoke. A depth in between counts half.
        """
        off = np.abs(self.model_m - sensor_m) / sensor_m
        agreement = 0.5 ** (float(np.nanmean(off)) / 0.1) if np.isfinite(off).any() else 0.5
        speaks = np.select([source == DepthSource.MODEL, source == DepthSource.INTERPOLATED], [agreement, 0.5], 1.0)
        for index, surface in surfaces.items():
            speaks[index] = 0.5 + 0.5 * surface.support
        return np.asarray(self.visual.confidence * speaks)


def carry_onto(model_m: FloatArray, sensor_m: FloatArray, way: FloatArray) -> FloatArray:
    """The model's depths after the scale and offset that carry them onto the sensor's where both speak.

    With two or more common points apart in depth that is the line through them (least squares); otherwise one scale, so
    that a model that answers in millimetres is understood too.
    What the line leaves at a common point is spread linearly along the way, so the result meets the sensor there.

    Args:
        model_m: (N,) metres, NaN where the model gave none.
        sensor_m: (N,) metres, NaN where the sensor was not asked or has no reading.
        way: (N,) not decreasing position of the points along the trace.

    Returns:
        (N,) metres, NaN where the model gave none; the model's own depths where the two have no point in common.
    """
    common = np.isfinite(model_m) & np.isfinite(sensor_m)
    if not common.any():
        return model_m
    model, sensor = model_m[common], sensor_m[common]
    # The ratio is safe at any size: it is what turns millimetres or centimetres into metres.
    ratio = float(sensor.sum() / model.sum())
    scale, offset = ratio, 0.0
    if np.ptp(model) >= _LEAST_SPREAD * model.max():
        slope = float(np.polyfit(model, sensor, 1)[0])
        if any(_SLOPE_RANGE[0] <= slope / usual <= _SLOPE_RANGE[1] for usual in (1.0, ratio)):
            scale, offset = slope, float(np.mean(sensor - slope * model))
    left = sensor - (scale * model + offset)
    carried = scale * model_m + offset + np.interp(way, way[common], left)
    # A large offset must not push a point behind the camera: there the ratio stands.
    return np.where(carried > 0.1 * ratio * model_m, carried, ratio * model_m)
