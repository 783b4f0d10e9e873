"""RVL, the lossless coding of 16 bit depth of A. D. Wilson, "Fast Lossless Depth Image Compression" (ISS 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BadImage

_PAYLOAD_BITS = 3
# 2^31 and more cannot be a length or a difference of 16 bit counts; ten nibbles carry 30 bits.
_LONGEST_VALUE = 10


def decode_rvl(data: memoryview | bytes, pixels: int) -> npt.NDArray[np.uint16]:
    """(``pixels``,) counts of an RVL stream.

    The stream is a list of numbers of variable length: how many zeros, how many others, then for each of those its
    difference from the one before, signs folded into the lowest bit. Numbers stand in nibbles of 3 bits with a
    continuation bit, lowest first, packed from the high end of little endian 32 bit words.

    Raises:
        BadImage: for a stream that ends before all pixels, or names more of them.
    """
    values = _values(data)
    counts = np.zeros(pixels, np.int64)
    run_starts: list[tuple[int, int, int]] = []
    at, pixel = 0, 0
    while pixel < pixels:
        if at + 2 > len(values):
            raise BadImage(f"an RVL stream of {len(data)} bytes ends at pixel {pixel} of {pixels}")
        zeros, others = int(values[at]), int(values[at + 1])
        at, pixel = at + 2, pixel + zeros
        if pixel + others > pixels or at + others > len(values) or (not zeros and not others):
            raise BadImage(
                f"an RVL stream of {len(data)} bytes does not fit {pixels} pixels: a run of {others} at {pixel}"
            )
        run_starts.append((pixel, at, others))
        at, pixel = at + others, pixel + others
    previous = 0
    for start, first, length in run_starts:
        if length:
            folded = values[first : first + length]
            run = previous + np.cumsum((folded >> 1) ^ -(folded & 1))
            counts[start : start + length] = run
            previous = int(run[-1])
    return counts.astype(np.uint16)


def _values(data: memoryview | bytes) -> npt.NDArray[np.int64]:
    """All numbers of the stream; the filling nibbles after the last one are read as zeros."""
    words = np.frombuffer(data, "<u4", count=len(data) // 4)
    shifts = np.arange(28, -1, -4, dtype=np.uint32)
    nibbles = ((words[:, None] >> shifts) & 15).astype(np.int64).reshape(-1)
    ends = np.flatnonzero(nibbles < 8)
    if not len(ends):
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST_VALUE:
        raise BadImage(f"an RVL stream holds a number of {lengths.max()} nibbles; accepted: up to {_LONGEST_VALUE}")
    place = np.arange(ends[-1] + 1) - np.repeat(starts, lengths)
    return np.add.reduceat((nibbles[: ends[-1] + 1] & 7) << (_PAYLOAD_BITS * place), starts)
