"""Surface normals from depth: exact on planes, unmoved by holes, edges and outliers."""

from __future__ import annotations

import numpy as np
import pytest
from planning.boxes import CARRIED, LENSES, TABLE, VIEW, camera, observed

from robotracer_ros.errors import PlanningError
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.normals import surface_normal


def normal_at(point: tuple[float, float, float], **kind: object) -> np.ndarray:
    view = DepthView.of(observed([TABLE, CARRIED], **kind))
    base_from_view = VIEW @ view.view_from_color.inverse()
    return base_from_view.rotate(surface_normal(view, base_from_view.inverse().apply(point), 0.02, "first contact"))


@pytest.mark.parametrize("unregistered", [False, True])
@pytest.mark.parametrize("lens", sorted(LENSES))
@pytest.mark.parametrize(
    ("point", "normal"),
    [((0.42, 0.16, 0.1), (0, 0, 1)), ((0.46, 0.16, 0.05), (1, 0, 0)), ((0.55, 0.3, 0.0), (0, 0, 1))],
)
def test_the_normal_of_a_plane_is_exact_and_towards_the_camera(point, normal, lens, unregistered):
    found = normal_at(point, intrinsics=camera(320, lens), unregistered=unregistered)
    # float32 depth at a metre is good to 6e-8 m, over a patch of 0.02 m.
    assert np.allclose(found, normal, atol=1e-4)


def test_beside_an_edge_the_plane_of_the_contact_wins():
    found = normal_at((0.452, 0.16, 0.1), intrinsics=camera(960))
    assert np.degrees(np.arccos(found[2])) < 1.0


def test_noise_holes_and_outliers_turn_it_by_a_few_degrees_at_most():
    for seed in range(5):
        found = normal_at((0.42, 0.16, 0.1), intrinsics=camera(960), noise_m=0.001, holes=0.3, seed=seed)
        assert np.degrees(np.arccos(found[2])) < 4.0


@pytest.mark.parametrize("point", [(0.42, 0.16, 0.3), (2.0, 2.0, 0.0), (1.3, 0.1, 0.9)])
def test_where_there_is_no_surface_there_is_an_error_that_says_so(point):
    with pytest.raises(PlanningError, match=r"at least 12 depth readings within normal_radius_m 0.02 m of the first"):
        normal_at(point)


def test_a_line_of_readings_has_no_normal():
    view = DepthView.of(observed([TABLE], camera(960)))
    rows = np.ones(view.depth_m.shape, dtype=bool)
    point = VIEW.inverse().apply((0.45, 0.1, 0.0))
    rows[round(float(view.camera.project(point)[0, 1]))] = False
    with pytest.raises(PlanningError, match="form a line"):
        surface_normal(view.without(rows), point, 0.02, "last contact")
