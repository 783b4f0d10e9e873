"""The steps that carry an object: over the grasp, along the trace, over its end, and never lower than lifted."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest, PlanningError
from robotracer_ros.planning.grasp import Grasp
from robotracer_ros.planning.manipulation import Grip, Reach
from robotracer_ros.planning.pick_and_place import HandlingSettings, TipPose, pick_and_place

GRASP = Grasp(np.array([0.4, 0.1, 0.03]), 0.3, 0.04, 0.05, 0.0)
HOME = TipPose(np.array([-0.1, -0.3, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))
# From the object's front, over something, to a place on a plate.
TRACE = np.array([[0.38, 0.1, 0.02], [0.38, 0.1, 0.2], [0.5, -0.2, 0.2], [0.5, -0.2, 0.015]])


def steps_of(trace=TRACE, *, set_down=True):
    return pick_and_place(trace, GRASP, HOME, "base", 7, HandlingSettings(), max_width_m=0.09, set_down=set_down)


def test_the_steps_come_in_order():
    names = [step.name for step in steps_of()]
    assert names == ["open", "approach", "grasp", "grasp", "lift", "trace", "place", "release", "retreat", "return"]
    assert [step.name for step in steps_of(set_down=False)] == names[:6]
    widths = [step.width_m for step in steps_of() if isinstance(step, Grip)]
    assert widths == pytest.approx([0.075, 0.0, 0.014])
    assert [step.relative for step in steps_of() if isinstance(step, Grip)] == [False, False, True]


def test_the_object_stands_where_the_trace_ends():
    place = next(step.path for step in steps_of() if step.name == "place")
    # Its foot 5 mm over the plate, its middle over the trace's last point.
    np.testing.assert_allclose(place.positions_m[-1], [0.5, -0.2, 0.015 + 0.03 + 0.005])
    assert place.frame_id == "base" and place.stamp_ns == 7


def test_the_way_is_no_lower_than_the_trace_or_than_lifted():
    reach = next(step.path.positions_m for step in steps_of() if isinstance(step, Reach) and step.name == "trace")
    np.testing.assert_allclose(reach[0, :2], GRASP.position_m[:2])
    np.testing.assert_allclose(reach[-1, :2], TRACE[-1, :2])
    assert reach[0, 2] == pytest.approx(0.03 + 0.06) and reach[-1, 2] == pytest.approx(0.05 + 0.06)
    assert reach[:, 2].max() == pytest.approx(0.2 + 0.03)
    assert np.linalg.norm(np.diff(reach, axis=0), axis=1).max() < 0.07


def test_a_trace_along_the_table_is_carried_over_it():
    flat = np.array([[0.38, 0.1, 0.02], [0.5, 0.3, 0.0]])
    reach = next(step.path.positions_m for step in steps_of(flat) if isinstance(step, Reach) and step.name == "trace")
    assert (reach[:, 2] >= 0.03 + 0.06 - 1e-9).all()


def test_what_is_held_keeps_its_distance_from_the_trace():
    way = [step for step in steps_of(set_down=False) if isinstance(step, Reach)][-1].path.positions_m
    np.testing.assert_allclose(way[-1, :2], TRACE[-1, :2] + GRASP.position_m[:2] - TRACE[0, :2])
    assert (way[:, 2] >= 0.09 - 1e-9).all()


def test_bad_settings_and_traces_are_refused():
    with pytest.raises(InvalidRequest, match="lift_m must be above 0 m and finite, received 0"):
        HandlingSettings(lift_m=0.0)
    with pytest.raises(PlanningError, match="at least two points, received 1"):
        steps_of(TRACE[:1])


def test_the_tip_goes_around_the_base_and_comes_back():
    reaches = {step.name: step.path for step in steps_of() if isinstance(step, Reach)}
    out, back = reaches["approach"].positions_m, reaches["return"].positions_m
    np.testing.assert_allclose(out[-1], GRASP.position_m + np.array([0, 0, 0.08]))
    np.testing.assert_allclose(back[-1], HOME.position_m)
    np.testing.assert_allclose(reaches["return"].quaternions_xyzw[-1], HOME.quaternion_xyzw)
    for way in (out[1:-1], back[:-1]):
        assert (way[:, 2] >= 0.3 - 1e-9).all()
        radii = np.hypot(way[:, 0], way[:, 1])
        assert radii.min() > 0.31
        assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() < 0.08
    # By the shorter way round: over -y.
    assert (out[: len(out) // 2, 1] < 0).all()
    kept = pick_and_place(
        TRACE, GRASP, HOME, "base", 7, HandlingSettings(return_home=False), max_width_m=0.09, set_down=True
    )
    assert kept[-1].name == "retreat"
