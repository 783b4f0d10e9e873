"""Frames and traces the planning tests share."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.geometry.transform import RigidTransform


@pytest.fixture(params=range(3))
def rigid_motion(request: pytest.FixtureRequest) -> RigidTransform:
    """A turn about a tilted axis and a shift."""
    random = np.random.default_rng(request.param)
    quaternion = random.normal(size=4)
    return RigidTransform.from_quaternion_xyzw(
        "moved", "here", quaternion / np.linalg.norm(quaternion), random.normal(size=3)
    )
