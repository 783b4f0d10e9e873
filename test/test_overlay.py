"""The overlay picture: it shows every point, hides none, and takes any size and any text."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robotracer_ros.errors import BadImage
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace
from robotracer_ros.overlay import SOURCE_COLOURS, colour_ramp, draw_overlay


def trace(pixels, sources=None, depth_m=None):
    pixels = np.asarray(pixels, dtype=float).reshape(-1, 2)
    count = len(pixels)
    depth = np.full(count, 0.5) if depth_m is None else np.asarray(depth_m, dtype=float)
    sources = [DepthSource.MODEL] * count if sources is None else sources
    nothing = np.full(count, np.nan)
    return SpatialTrace(np.ones((count, 3)), "camera", 0, pixels, depth, np.array(sources), nothing, np.ones(count))


def grey(width, height):
    return np.full((height, width, 3), 90, np.uint8)


def arch(width, height, count=7):
    turn = np.linspace(np.pi, 0, count)
    return np.column_stack([width * (0.5 + 0.3 * np.cos(turn)), height * (0.6 - 0.3 * np.sin(turn))])


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720), (720, 1280), (3840, 2160)])
def test_every_dot_shows_its_depth_source_at_every_size(size):
    pixels = arch(*size)
    sources = [DepthSource(1 + index % 3) for index in range(len(pixels))]
    picture = draw_overlay(grey(*size), trace(pixels, sources), "put the cup on the shelf")
    assert picture.shape == (size[1], size[0], 3) and picture.dtype == np.uint8
    for pixel, source in zip(np.rint(pixels).astype(int), sources, strict=True):
        assert np.abs(picture[pixel[1], pixel[0]].astype(int) - SOURCE_COLOURS[source]).max() < 40


def test_the_line_is_drawn_in_the_colours_of_the_ramp():
    picture = draw_overlay(grey(640, 480), trace([[120, 240], [520, 240]]), "")
    row = picture[240, 170:470].astype(int)
    start, end = colour_ramp(2).astype(int)
    assert np.abs(row[0] - start).sum() < np.abs(row[0] - end).sum()
    assert np.abs(row[-1] - end).sum() < np.abs(row[-1] - start).sum()


@pytest.mark.parametrize("y, bar_on_top", [(20, False), (460, True)])
def test_the_caption_keeps_off_the_edge_where_the_points_are(y, bar_on_top):
    points = trace([[100, y], [300, y]])
    picture = draw_overlay(grey(640, 480), points, "go there now")
    darkened = (picture != 90).any(axis=2)
    assert darkened[0].all() == bar_on_top and darkened[-1].all() != bar_on_top


def test_points_at_both_edges_are_drawn_over_the_caption():
    pixels = [[100, 12], [300, 12], [300, 470], [500, 470]]
    picture = draw_overlay(grey(640, 480), trace(pixels), "somewhere between here and there")
    for x, y in pixels:
        assert np.abs(picture[y, x].astype(int) - SOURCE_COLOURS[DepthSource.MODEL]).max() < 40


def test_the_image_given_is_not_changed_and_may_be_read_only():
    rgb = grey(320, 240)
    rgb.flags.writeable = False
    draw_overlay(rgb, trace(arch(320, 240)), "x")
    assert (rgb == 90).all()


@given(
    st.lists(
        st.tuples(st.floats(-1e12, 1e12) | st.just(float("nan")), st.floats(-1e12, 1e12)), min_size=0, max_size=12
    ),
    st.text(max_size=80),
    st.sampled_from([(1, 1), (3, 200), (200, 3), (64, 48), (320, 240)]),
)
@settings(max_examples=60, deadline=None)
def test_no_pixel_no_text_and_no_size_breaks_it(pixels, text, size):
    picture = draw_overlay(grey(*size), trace(pixels), text)
    assert picture.shape == (size[1], size[0], 3)


def test_a_megabyte_of_instruction_is_cut_in_no_time():
    started = time.perf_counter()
    draw_overlay(grey(640, 480), trace(arch(640, 480)), "müde " * 200_000)
    draw_overlay(grey(640, 480), trace(arch(640, 480)), "a" * 1_000_000)
    assert time.perf_counter() - started < 1.0


def test_labels_keep_off_points_line_and_each_other():
    """With every depth unknown the picture differs only by the labels, and no dot or line pixel may differ."""
    pixels = arch(1280, 720)
    labelled = draw_overlay(grey(1280, 720), trace(pixels), "")
    bare = draw_overlay(grey(1280, 720), trace(pixels, depth_m=np.full(7, np.nan)), "")
    changed = (labelled != bare).any(axis=2)
    assert changed.sum() > 7 * 500
    steps = np.linspace(0, 1, 200)[:, None]
    for start, end in pairwise(pixels):
        columns, rows = np.rint(start + steps * (end - start)).astype(int).T
        assert not changed[rows, columns].any()


@pytest.mark.parametrize("shape, kind", [((4, 4), np.uint8), ((4, 4, 3), np.float32), ((0, 4, 3), np.uint8)])
def test_an_image_of_another_kind_is_refused(shape, kind):
    with pytest.raises(BadImage, match="uint8"):
        draw_overlay(np.zeros(shape, kind), trace([[1, 1]]), "")
