"""The picture of a trace: the path over the image it was asked about, with its depths and the instruction."""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.caption import Box, Caption, draw_text, text_size
from robotracer_ros.errors import BadImage
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace

Picture: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]

# From the start to the end of a trace; light to dark, so that the order survives a grey print and red-green blindness.
_RAMP: Final = np.array([(255, 232, 92), (255, 158, 38), (246, 70, 90), (206, 38, 160)], dtype=np.float64)
SOURCE_COLOURS: Final[dict[DepthSource, Colour]] = {
    DepthSource.SENSOR: (84, 224, 140),
    DepthSource.MODEL: (96, 172, 255),
    DepthSource.INTERPOLATED: (236, 236, 240),
}
SOURCE_WORDS: Final = {
    DepthSource.SENSOR: "camera depth",
    DepthSource.MODEL: "model depth",
    DepthSource.INTERPOLATED: "interpolated",
}
_OUTLINE: Final[Colour] = (22, 22, 28)
# OpenCV draws at 1/2**_SHIFT of a pixel, in 32 bits: pixels beyond _FARTHEST_PX would overflow.
_SHIFT: Final = 4
_FARTHEST_PX: Final = 2.0**24
# Sizes are drawn for an image whose shorter side has this many pixels, and follow its actual length.
_DESIGNED_FOR_PX: Final = 720
_SMALLEST_UNIT: Final = 0.42
_RING_PX: Final = 16
_LABELS_AT_MOST: Final = 12


def colour_ramp(count: int) -> Picture:
    """(count, 3) uint8 RGB from the colour of a trace's start to that of its end."""
    where = np.linspace(0, len(_RAMP) - 1, count)
    corners = np.arange(len(_RAMP))
    blended = np.column_stack([np.interp(where, corners, channel) for channel in _RAMP.T])
    ramp: Picture = np.rint(blended).astype(np.uint8)
    return ramp


def draw_overlay(rgb: Picture, trace: SpatialTrace, instruction: str = "") -> Picture:
    """Draw a trace over its image.

    The line runs from yellow to purple, its start ringed and its end an arrow into a target; dots tell by their
    colour where each depth comes from; depths stand beside the dots where there is room. The instruction
    stands in a bar along whichever edge leaves the points free, letters outside ASCII replaced by near ones.

    Args:
        rgb: (H, W, 3) uint8, not changed.
        trace: its ``pixels`` belong to ``rgb``; points whose pixel is not a number are left out.
        instruction: any text; what does not fit into two lines is cut.

    Returns:
        (H, W, 3) uint8, a new picture.

    Raises:
        BadImage: when ``rgb`` is not such an image.
    """
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise BadImage(f"an overlay needs uint8 of shape (H, W, 3), received {rgb.dtype} of {rgb.shape}")
    picture = np.array(rgb, order="C")
    known = np.isfinite(trace.pixels).all(axis=1)
    pixels = np.clip(trace.pixels[known], -_FARTHEST_PX, _FARTHEST_PX)
    unit = max(min(rgb.shape[:2]) / _DESIGNED_FOR_PX, _SMALLEST_UNIT)
    sources = [DepthSource(int(value)) for value in trace.depth_source[known]]
    legend = [(SOURCE_WORDS[source], SOURCE_COLOURS[source]) for source in DepthSource if source in sources]
    caption = Caption.laid_out(picture.shape[1], picture.shape[0], unit, instruction, legend, pixels)
    caption.draw(picture)
    if not len(pixels):
        return picture
    _draw_shadow(picture, pixels, unit)
    _draw_line(picture, pixels, unit)
    _draw_ends(picture, pixels, unit)
    _draw_dots(picture, pixels, sources, unit)
    _draw_labels(picture, pixels, trace.depth_m[known], caption.box, unit)
    return picture


def _plain(colour: Picture) -> Colour:
    red, green, blue = colour.tolist()
    return red, green, blue


def _fixed(point: FloatArray) -> tuple[int, int]:
    return round(float(point[0]) * (1 << _SHIFT)), round(float(point[1]) * (1 << _SHIFT))


def _circle(picture: Picture, centre: FloatArray, radius_px: float, colour: Colour, width_px: float) -> None:
    """An antialiased circle, filled where ``width_px`` is negative."""
    thickness = -1 if width_px < 0 else max(1, round(width_px))
    cv2.circle(picture, _fixed(centre), round(radius_px * (1 << _SHIFT)), colour, thickness, cv2.LINE_AA, _SHIFT)


def _draw_shadow(picture: Picture, pixels: FloatArray, unit: float) -> None:
    """Darken softly under the line, so that it stands off a picture of any colour."""
    reach = round(16 * unit)
    height, width = picture.shape[:2]
    left, top = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - reach, 0)
    right, bottom = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + reach, (width, height))
    if left >= right or top >= bottom:
        return
    shade = np.zeros((bottom - top, right - left), dtype=np.uint8)
    corner = np.array([left, top - 2 * unit])
    points = np.array([_fixed(point - corner) for point in pixels], dtype=np.int32)
    cv2.polylines(shade, [points], False, 150, max(1, round(11 * unit)), cv2.LINE_AA, _SHIFT)
    shade = cv2.blur(cv2.blur(shade, (reach // 2 + 1,) * 2), (reach // 2 + 1,) * 2)
    under = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = cv2.multiply(under, cv2.cvtColor(255 - shade, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def _draw_line(picture: Picture, pixels: FloatArray, unit: float) -> None:
    """The polyline, dark below, coloured above, its colour running with the length travelled on the image."""
    if len(pixels) < 2:
        return
    lengths = np.linalg.norm(np.diff(pixels, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    if not travelled[-1] > 0:
        return
    count = int(np.clip(travelled[-1] / (6 * unit), 2, 400))
    where = np.union1d(np.linspace(0, travelled[-1], count), travelled)
    samples = np.column_stack([np.interp(where, travelled, column) for column in pixels.T])
    ramp = colour_ramp(256)[np.rint(where / travelled[-1] * 255).astype(int)]
    shown = _between_rings(samples, _RING_PX * unit)
    corners, ramp = np.array([_fixed(point) for point in samples[shown]], dtype=np.int32), ramp[shown]
    if len(corners) < 2:
        return
    cv2.polylines(picture, [corners], False, _OUTLINE, max(3, round(9 * unit)), cv2.LINE_AA, _SHIFT)
    width_px = max(2, round(5 * unit))
    for start, end, colour in zip(corners[:-1], corners[1:], ramp[1:], strict=True):
        cv2.line(picture, start.tolist(), end.tolist(), colour.tolist(), width_px, cv2.LINE_AA, _SHIFT)


def _between_rings(samples: FloatArray, radius_px: float) -> slice:
    """The part of the line after it first leaves the ring of its start and before it last enters that of its end."""
    left = np.flatnonzero(np.linalg.norm(samples - samples[0], axis=1) > radius_px)
    entered = np.flatnonzero(np.linalg.norm(samples - samples[-1], axis=1) > radius_px)
    return slice(left[0], entered[-1] + 1) if len(left) and len(entered) else slice(0, 0)


def _draw_dots(picture: Picture, pixels: FloatArray, sources: list[DepthSource], unit: float) -> None:
    for point, source in zip(pixels, sources, strict=True):
        _circle(picture, point, 8.5 * unit, _OUTLINE, -1)
        _circle(picture, point, 6 * unit, SOURCE_COLOURS[source], -1)


def _draw_ends(picture: Picture, pixels: FloatArray, unit: float) -> None:
    """A ring around the first point; a target around the last, and an arrow head where the line enters it."""
    first, last = (_plain(colour) for colour in colour_ramp(2))
    radius = _RING_PX * unit
    _circle(picture, pixels[0], radius, _OUTLINE, 6 * unit)
    _circle(picture, pixels[0], radius, first, 3 * unit)
    if len(pixels) < 2:
        return
    for distance, colour, width in ((radius, _OUTLINE, 6 * unit), (radius, last, 3 * unit)):
        _circle(picture, pixels[-1], distance, colour, width)
    towards = _arrival(pixels, radius + 14 * unit)
    if towards is None:
        return
    across = np.array([-towards[1], towards[0]])
    tip = pixels[-1] - towards * (radius + 1.5 * unit)
    for grow, colour in ((3.5 * unit, _OUTLINE), (0.0, last)):
        back = tip - towards * (19 * unit + grow)
        head = [tip + towards * grow, back + across * (9.5 * unit + grow), back - across * (9.5 * unit + grow)]
        points = np.array([_fixed(point) for point in head], dtype=np.int32)
        cv2.fillConvexPoly(picture, points, colour, cv2.LINE_AA, _SHIFT)


def _arrival(pixels: FloatArray, distance_px: float) -> FloatArray | None:
    """Unit direction from where the line last comes within ``distance_px`` of its end; None if it never was farther."""
    from_end = pixels - pixels[-1]
    outside = np.flatnonzero(np.linalg.norm(from_end, axis=1) > distance_px)
    if not len(outside):
        return None
    before, after = from_end[outside[-1]], from_end[outside[-1] + 1]
    step = after - before
    # |before + share * step| = distance_px; the smaller root is where the line enters the circle.
    length_squared, along = float(step @ step), float(step @ before)
    inside = max(along**2 - length_squared * (float(before @ before) - distance_px**2), 0.0)
    crossing = before + step * (-along - np.sqrt(inside)) / length_squared
    direction: FloatArray = -crossing / max(float(np.linalg.norm(crossing)), 1e-9)
    return direction


def _draw_labels(
    picture: Picture, pixels: FloatArray, depth_m: FloatArray, bar: Box, unit: float
) -> None:
    """Depths beside their points, ends first, each only where it covers no point, line, label or caption."""
    height, width = picture.shape[:2]
    path = _dense(pixels, 6 * unit)
    taken = [bar]
    order = sorted(range(len(pixels)), key=lambda index: (index not in (0, len(pixels) - 1), index))
    for index in order[: max(_LABELS_AT_MOST, 2)]:
        if not np.isfinite(depth_m[index]):
            continue
        text = f"{depth_m[index]:.2f} m"
        size = text_size(text, 0.5 * unit, unit)
        gap = (26 if index in (0, len(pixels) - 1) else 15) * unit
        for box in _places(pixels[index], size, gap):
            crowded = any(box.overlaps(other) for other in taken) or not box.is_free_of(path, 3 * unit)
            if box.inside(width, height) and not crowded:
                taken.append(box)
                draw_text(picture, text, box, 0.5 * unit, unit)
                break


def _places(point: FloatArray, size: tuple[float, float], gap: float) -> list[Box]:
    """Where a label of ``size`` may stand around a point, the preferred place first."""
    (x, y), (wide, high) = (float(point[0]), float(point[1])), size
    diagonal = 0.75 * gap
    return [
        Box(x + gap, y - high / 2, x + gap + wide, y + high / 2),
        Box(x - gap - wide, y - high / 2, x - gap, y + high / 2),
        Box(x - wide / 2, y - gap - high, x + wide / 2, y - gap),
        Box(x - wide / 2, y + gap, x + wide / 2, y + gap + high),
        Box(x + diagonal, y - diagonal - high, x + diagonal + wide, y - diagonal),
        Box(x - diagonal - wide, y - diagonal - high, x - diagonal, y - diagonal),
        Box(x + diagonal, y + diagonal, x + diagonal + wide, y + diagonal + high),
        Box(x - diagonal - wide, y + diagonal, x - diagonal, y + diagonal + high),
    ]


def _dense(pixels: FloatArray, spacing_px: float) -> FloatArray:
    """Samples of the polyline at most ``spacing_px`` apart, 2,000 at most."""
    lengths = np.linalg.norm(np.diff(pixels, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    where = np.linspace(0, travelled[-1], int(np.clip(travelled[-1] / spacing_px, 1, 2000)) + 1)
    return np.column_stack([np.interp(where, travelled, column) for column in pixels.T])
