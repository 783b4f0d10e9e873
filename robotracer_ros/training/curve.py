"""The curve of a training run: its log as a picture of small panels, one for each quantity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray

# Told in the log, but no quantity that is learned.
_BOOK_KEEPING: Final = ("step", "hours", "questions", "pictures", "answers", "lr")
_COLUMNS: Final = 3
_PANEL_INCHES: Final = (3.6, 2.3)
# The drawn mean goes over this share of the run.
_SMOOTHED_SHARE: Final = 0.05

Row = Mapping[str, float]


def read_log(path: Path) -> list[Row]:
    """The rows of a training's log by step; of a step that was trained twice, after a resumption, the later one.

    Raises:
        InvalidRequest: for a file that is absent, empty or no such log.
    """
    if not path.is_file():
        raise InvalidRequest(f"there is no log {path}; a training writes it into its folder OUT")
    rows: dict[float, Row] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            step = float(row["step"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidRequest(f"line {number} of {path} is no row of a training's log: {line[:80]!r}") from error
        # What an interrupted run told beyond its last state is told again by the one that resumed there.
        rows = {known: value for known, value in rows.items() if known < step}
        rows[step] = row
    if not rows:
        raise InvalidRequest(f"the log {path} is empty")
    return list(rows.values())


def write_curve(log: Path, picture: Path) -> None:
    """Draw the log's quantities over the steps, the hours on the title's line.

    Raises:
        InvalidRequest: where matplotlib is absent, and for a log that cannot be read.
    """
    rows = read_log(log)
    figure_of = _matplotlib()
    names = quantities(rows)
    lines = -(-len(names) // _COLUMNS)
    size = (_COLUMNS * _PANEL_INCHES[0], lines * _PANEL_INCHES[1] + 0.5)
    figure = figure_of(figsize=size, layout="constrained")
    hours = rows[-1].get("hours", 0.0)
    figure.suptitle(f"{log.parent.name}: {rows[-1]['step']:.0f} steps, {hours:.2f} hours")
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        told = [(row["step"], row[name]) for row in rows if name in row]
        steps, values = np.array(told, dtype=np.float64).T
        panel.plot(steps, values, color="tab:blue", alpha=0.25, linewidth=0.8)
        panel.plot(steps, smoothed(values), color="tab:blue", linewidth=1.5)
        panel.set_title(name, fontsize=10)
        panel.grid(alpha=0.3)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)


def quantities(rows: Sequence[Row]) -> list[str]:
    """What the log tells of, in the order it first does."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _BOOK_KEEPING]


def smoothed(values: FloatArray) -> FloatArray:
    """(N,) means over a window around each value, shorter at both ends."""
    half = max(1, round(_SMOOTHED_SHARE * len(values) / 2))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    centres = np.arange(len(values))
    first, last = np.maximum(centres - half, 0), np.minimum(centres + half + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _matplotlib() -> Any:
    """The class of figures that needs no display: `Figure` alone draws through Agg."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InvalidRequest("drawing the curve needs matplotlib; install it (pip install matplotlib)") from error
    return Figure
