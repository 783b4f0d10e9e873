"""Arrays as JSON writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def listed(values: npt.ArrayLike) -> Any:
    """Nested lists of numbers, None in place of NaN: JSON has no word for a missing number but null."""
    array = np.asarray(values, dtype=np.float64)
    words = array.astype(object)
    words[np.isnan(array)] = None
    return words.tolist()
