"""Read-only, shape-checked arrays for the frozen types of this room."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest

FloatArray: TypeAlias = npt.NDArray[np.float64]
AnyArray: TypeAlias = npt.NDArray[Any]


def frozen_floats(name: str, values: npt.ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    """Copy ``values`` into a read-only float64 array of ``shape``; None stands for any length.

    Raises:
        InvalidRequest: naming ``name``, the shape received and the shape accepted.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{name} must be numbers of shape {_drawn(shape)}, received {values!r:.80}") from error
    if array.size == 0 and shape and shape[0] is None:
        array = array.reshape(tuple(0 if length is None else length for length in shape))
    if array.ndim != len(shape) or any(
        want is not None and want != have for want, have in zip(shape, array.shape, strict=True)
    ):
        raise InvalidRequest(f"{name} must have shape {_drawn(shape)}, received {array.shape}")
    array.flags.writeable = False
    return array


def read_only(array: AnyArray) -> AnyArray:
    """A view of ``array`` through which nothing can be written; the pixels are not copied."""
    view = array.view()
    view.flags.writeable = False
    return view


def _drawn(shape: tuple[int | None, ...]) -> str:
    inside = ", ".join("N" if length is None else str(length) for length in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
