"""The demonstration's pictures of a motion: a film from beside the table, and a plot in three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.demo_motion import Moment
from robotracer_ros.nodes.demo_outcome import tips_m
from robotracer_ros.sim.catalogue import COLOURS
from robotracer_ros.sim.film import Film
from robotracer_ros.sim.mirror import base_from_things
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.tasks.solids import outline_points_m

_FRAMES: Final = 110
_FRAME_MS: Final = 80
# The last picture stays.
_LAST_MS: Final = 2500
_PALETTE: Final = 128


def write_film(file: Path, moments: Sequence[Moment], film: Film) -> None:
    """An animated GIF of at most `_FRAMES` pictures, evenly through the motion.

    Raises:
        InvalidRequest: when it cannot be written.
    """
    # Pillow comes with the model stack, and nothing else here needs it.
    from PIL import Image

    chosen = np.unique(np.linspace(0, len(moments) - 1, min(len(moments), _FRAMES)).round().astype(int))
    frames = [Image.fromarray(film.frame(moments[i].joints, base_from_things(moments[i].truth))) for i in chosen]
    first = frames[len(frames) // 2].quantize(_PALETTE)
    frames = [frame.quantize(palette=first, dither=Image.Dither.NONE) for frame in frames]
    durations = [_FRAME_MS] * (len(frames) - 1) + [_LAST_MS]
    with _writing(file):
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)


def write_plot(
    file: Path, scene: Scene, trace_m: FloatArray, moments: Sequence[Moment], film: Film, urdf: str, title: str
) -> None:
    """The trace and the tip's way over the table's things, in the table frame, as a PNG.

    Args:
        trace_m: (N, 3) in the table frame.

    Raises:
        InvalidRequest: when it cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(8, 6.4), layout="constrained")
    axes: Any = figure.add_subplot(projection="3d")
    for thing in scene.objects:
        _draw_thing(axes, outline_points_m(thing), tuple(channel / 255 for channel in COLOURS[thing.colour]))
    tip = film.base_from_table.inverse().apply(tips_m(moments, urdf))
    tip = tip[np.abs(tip[:, :2]).max(axis=1) < 0.5]
    axes.plot(*tip.T, color="0.35", linewidth=1.2, label="where the tip went")
    axes.plot(*trace_m.T, "o-", color="#d62728", linewidth=2.2, markersize=4, label="the trace")
    axes.scatter(*trace_m[0], color="#2ca02c", s=60, label="taken here", depthshade=False)
    axes.scatter(*trace_m[-1], color="#9467bd", s=60, label="set down here", depthshade=False)
    axes.set(xlabel="x [m]", ylabel="y [m]", zlabel="z [m]", xlim=(-0.4, 0.4), ylim=(-0.4, 0.4), zlim=(0, 0.4))
    axes.set_box_aspect((0.8, 0.8, 0.4), zoom=1.15)
    eye = scene.table_from_camera.translation_m
    axes.view_init(elev=32, azim=float(np.degrees(np.arctan2(eye[1], eye[0]))))
    axes.legend(loc="upper left", fontsize=9)
    figure.suptitle(title, fontsize=11)
    with _writing(file):
        figure.savefig(file, dpi=110)
    plt.close(figure)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidRequest(f"cannot write {file}: {error.strerror or error}") from error


def _draw_thing(axes: Any, outline_m: FloatArray, colour: tuple[float, ...]) -> None:
    """Its upright hull, as foot, top and the edges between."""
    foot, top = float(outline_m[:, 2].min()), float(outline_m[:, 2].max())
    middle = outline_m[:, :2].mean(axis=0)
    angle = np.arctan2(*(outline_m[:, :2] - middle).T[::-1])
    far = np.linalg.norm(outline_m[:, :2] - middle, axis=1)
    ring = outline_m[far > 0.97 * far.max() if len(outline_m) > 8 else slice(None)]
    order = np.argsort(angle[far > 0.97 * far.max()] if len(outline_m) > 8 else angle)
    around = np.vstack([ring[order, :2], ring[order[:1], :2]])
    for height in (foot, top):
        axes.plot(around[:, 0], around[:, 1], height, color=colour, linewidth=1.5)
    for x, y in around[:: max(1, len(around) // 8)]:
        axes.plot([x, x], [y, y], [foot, top], color=colour, linewidth=0.8)
