"""Captions: letters the font has, lines that fit, and a bar that keeps off the points."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robotracer_ros.caption import Box, Caption, ascii_text

LEGEND = [("camera depth", (0, 255, 0))]
NOWHERE = np.zeros((0, 2))


@given(st.text())
def test_captions_are_printable_ascii(text):
    assert all(" " <= letter <= "~" for letter in ascii_text(text))


def test_near_letters_replace_what_the_font_lacks():
    assert ascii_text("Die Tasse – „schön“ – auf\nden\tTisch 放在左边!") == 'Die Tasse - "schon" - auf den Tisch ?!'
    assert ascii_text("Größe 5°") == "Grosse 5 deg"


@given(st.text(alphabet="abc wWmi", max_size=300), st.integers(150, 4000))
@settings(max_examples=80, deadline=None)
def test_lines_fit_the_picture_and_lose_words_only_behind_dots(text, width):
    unit = 1.0
    caption = Caption.laid_out(width, 2000, unit, text, LEGEND, NOWHERE)
    for line in caption.lines:
        assert cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, caption.scale, 1)[0][0] <= width
    said, wanted = " ".join(caption.lines), " ".join(text.split())
    assert said == wanted or (said.endswith("...") and wanted.startswith(said[:-3].rstrip()))


@pytest.mark.parametrize(
    "rows, top",
    [([], True), ([500], True), ([10], False), ([990], True), ([10, 20, 990], False), ([10, 980, 990], True)],
)
def test_the_bar_takes_the_edge_with_fewer_points(rows, top):
    points = np.array([[50.0, row] for row in rows]).reshape(-1, 2)
    box = Caption.laid_out(1000, 1000, 1.0, "go", LEGEND, points).box
    assert (box.top == 0) == top
    assert (box.bottom == 1000) != top


@pytest.mark.parametrize("size", [(100, 400), (400, 60), (1, 1)])
def test_a_picture_too_small_for_words_gets_none(size):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    caption = Caption.laid_out(*size, 1.0, "go there", LEGEND, NOWHERE)
    caption.draw(picture)
    assert caption.lines == () and not picture.any()


def test_boxes_that_share_an_edge_do_not_overlap():
    box = Box(0, 0, 10, 10)
    assert not box.overlaps(Box(10, 0, 20, 10)) and box.overlaps(Box(9, 9, 20, 20))
    assert box.inside(10, 10) and not box.inside(9, 10)
    assert box.is_free_of(np.array([[12.0, 5.0]])) and not box.is_free_of(np.array([[12.0, 5.0]]), 3)
