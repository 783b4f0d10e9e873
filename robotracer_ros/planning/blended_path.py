"""A path through joint positions: straight pieces whose corners are rounded by circles, as MoveIt rounds them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import AnyArray, FloatArray

# MoveIt's path_tolerance: a rounded corner passes the position that it rounds by no more, radians and metres.
_MOST_OFF: Final = 0.1
# Corners that turn by less need no rounding.
_STRAIGHT_RAD: Final = 1e-6
# Corners that turn by nearly half a turn cannot be rounded: the path turns round on the spot.
_LEAST_RADIUS: Final = 1e-9
_LEAST_LENGTH: Final = 1e-9


class BlendedPath:
    """Straight pieces from position to position; a circle that rounds a corner takes at most half of each piece.

    It lies within the hull of its positions, so within limits that these keep to.

    Args:
        joints: (M, N) positions, M at least 2, none equal to the one before.

    Attributes:
        lengths: (K,) of the pieces, straight and round.
        turns: (K,) radians by which each turns; 0 for a straight one.
        stops: (K + 1,) whether the path begins, turns sharply or ends where a piece begins, or the last one ends.
    """

    def __init__(self, joints: FloatArray) -> None:
        ways = np.diff(joints, axis=0)
        spans = np.linalg.norm(ways, axis=1)
        ways = ways / spans[:, None]
        cut, angle, radius = _corners(ways, spans)
        round_ = radius > _LEAST_RADIUS
        cut = np.where(round_, cut, 0.0)
        before, after = np.append(0.0, cut), np.append(cut, 0.0)
        # Straight pieces and circles in turn; those without a length fall out below.
        straight = (joints[:-1] + before[:, None] * ways, ways, np.zeros_like(ways), spans - before - after)
        sine = np.where(round_, np.sin(angle), 1.0)[:, None]
        inward = (ways[1:] - np.cos(angle)[:, None] * ways[:-1]) / sine
        bent = (joints[1:-1] - cut[:, None] * ways[:-1], ways[:-1], inward, np.where(round_, radius * angle, 0.0))
        starts, forward, inward, lengths = (
            _in_turn(one, other) for one, other in zip(straight, bent, strict=True)
        )  # fmt: skip
        bend = _in_turn(np.zeros(len(spans)), np.divide(1.0, radius, out=np.zeros_like(radius), where=round_))
        sharp = _in_turn(np.zeros(len(spans), dtype=bool), ~round_ & (angle > _STRAIGHT_RAD))
        kept = lengths > _LEAST_LENGTH
        # A sharp corner has no length; it counts at the end of the piece before.
        sharp = np.logical_or.reduceat(sharp, np.flatnonzero(kept))
        self._starts, self._forward, self._inward, self._bend = starts[kept], forward[kept], inward[kept], bend[kept]
        self.lengths = lengths[kept]
        self.turns = self.lengths * self._bend
        self.stops = np.concatenate([[True], sharp[:-1], [True]])

    def at(self, piece: npt.NDArray[np.intp], along: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(S, N) positions, and their first and second derivatives by length, so far along pieces (S,)."""
        bend = self._bend[piece][:, None]
        turned, along = bend * along[:, None], along[:, None]
        forward, inward = self._forward[piece], self._inward[piece]
        # Of a circle of radius 1 / bend; a straight line where that is 0.
        aside = 0.5 * turned * along * np.sinc(turned / (2 * np.pi)) ** 2
        positions = self._starts[piece] + along * np.sinc(turned / np.pi) * forward + aside * inward
        first = np.cos(turned) * forward + np.sin(turned) * inward
        second = bend * (np.cos(turned) * inward - np.sin(turned) * forward)
        return positions, first, second


def _corners(ways: FloatArray, spans: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of the (C,) corners: how much of both pieces a circle takes, by what angle it turns, and its radius."""
    apart, together = (np.linalg.norm(ways[1:] + sign * ways[:-1], axis=1) for sign in (-1, 1))
    angle = 2 * np.arctan2(apart, together)
    half = np.minimum(spans[:-1], spans[1:]) / 2
    # The middle of a circle passes its corner at cut * tan(angle / 4).
    quarter = np.maximum(np.tan(angle / 4), _STRAIGHT_RAD / 4)
    cut = np.minimum(half, _MOST_OFF / quarter)
    radius = np.where(angle > _STRAIGHT_RAD, cut / np.tan(np.maximum(angle, _STRAIGHT_RAD) / 2), 0.0)
    return cut, angle, radius


def _in_turn(straight: AnyArray, corners: AnyArray) -> AnyArray:
    """Of (P, ...) straight pieces and the (P - 1, ...) corners between them."""
    mixed = np.empty((2 * len(straight) - 1, *straight.shape[1:]), dtype=straight.dtype)
    mixed[::2], mixed[1::2] = straight, corners
    return mixed
