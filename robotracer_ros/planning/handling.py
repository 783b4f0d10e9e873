"""From an object's trace to checked steps of an arm: what is taken, how, and whether anything stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest, MotionRefused, NoDepth
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.carried import find_carried_object
from robotracer_ros.planning.clearance import outside_workspace
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.grasp import Grasp, GripperShape, grasps_from_above
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.pick_and_place import HandlingSettings, TipPose, let_go_m, opened_m, pick_and_place
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.sweep import between_waypoints, swept_too_close, without_body, without_box
from robotracer_ros.planning.tool_body import SPACING_M

# Readings this near to the robot's own body are the robot.
_SELF_M: Final = 0.03
# Between the open fingers and what is beside; and how much higher an object may be let go, in steps.
_FINGER_GAP_M: Final = 0.004
_MOST_RAISED_M: Final = 0.05
_RAISED_STEP_M: Final = 0.005
# Points of the body are so far apart that what keeps less from all of them may be between them.
_LEAST_CLEARANCE_M: Final = SPACING_M / 2
_UP: Final = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """The gripper as it stands now, in the frame of the steps.

    Attributes:
        shape: what it can take.
        body_m: (K, 3) points on it, seen from the tip link.
        tip: where the tip link is now.
        robot_m: (R, 3) points on the whole robot, which the camera may see.
        box_m: (B, 3) points seen from the tip: between the lowest and the highest of them along the tip's axes the
            camera sees the gripper and nothing else; none for no such box.
        body_at: ``body_m`` with so many metres between the fingers; None where that is not known.
    """

    shape: GripperShape
    body_m: FloatArray
    tip: TipPose
    robot_m: FloatArray
    box_m: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    body_at: Callable[[float], FloatArray] | None = None

    def __post_init__(self) -> None:
        for name in ("body_m", "robot_m", "box_m"):
            object.__setattr__(self, name, frozen_floats(name, getattr(self, name), (None, 3)))

    def opened(self, width_m: float) -> Tool:
        """The tool with so much between its fingers; as it stands now where that is not known."""
        return self if self.body_at is None else replace(self, body_m=self.body_at(width_m))

    def taken_out_of(self, view: DepthView, target_from_view: RigidTransform) -> DepthView:
        """What the camera sees of everything else."""
        view = without_body(view, target_from_view.inverse().apply(self.robot_m), _SELF_M)
        if not len(self.box_m):
            return view
        target_from_tip = RigidTransform.from_quaternion_xyzw(
            target_from_view.target_frame, "tip", self.tip.quaternion_xyzw, self.tip.position_m
        )
        lower, upper = self.box_m.min(axis=0) - _SELF_M, self.box_m.max(axis=0) + _SELF_M
        return without_box(view, target_from_tip.inverse() @ target_from_view, lower, upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionBounds:
    """Where the tip may go, and how near the gripper and what it holds may come to what the camera saw.

    Attributes:
        workspace_min_m, workspace_max_m: (3,) corners of a box; None where there is none.
        min_height_m: the least z of the tip; -inf for none.
        clearance_m: of gripper and object, 5 mm or more, or 0 for no check.
        contact_radius_m: around where an object is taken and set down clearance is not demanded.
        object_radius_m: how far the object reaches from the point it is taken at, at most.

    Raises:
        InvalidRequest: naming the bound, what was received and what would be accepted.
    """

    workspace_min_m: Sequence[float] | None = None
    workspace_max_m: Sequence[float] | None = None
    min_height_m: float = -np.inf
    clearance_m: float = 0.01
    contact_radius_m: float = 0.10
    object_radius_m: float = 0.15

    def __post_init__(self) -> None:
        self.as_path_settings()
        if np.isnan(self.min_height_m):
            raise InvalidRequest("min_height_m must be a height in metres, received nan")
        if 0 < self.clearance_m < _LEAST_CLEARANCE_M:
            raise InvalidRequest(
                f"clearance_m must be {_LEAST_CLEARANCE_M:g} m or more, or 0 for no check, received {self.clearance_m}"
            )

    def as_path_settings(self) -> PathSettings:
        """The same bounds as `plan_path` takes them."""
        return PathSettings(
            workspace_min_m=self.workspace_min_m, workspace_max_m=self.workspace_max_m, clearance_m=self.clearance_m,
            contact_radius_m=self.contact_radius_m, object_radius_m=self.object_radius_m,
        )  # fmt: skip


def plan_handling(
    trace: SpatialTrace, observation: RgbdObservation, target_from_camera: RigidTransform, tool: Tool,
    settings: HandlingSettings, bounds: MotionBounds,
) -> tuple[Step, ...]:  # fmt: skip
    """The steps that carry the object at a trace's first point along it; they break no bound.

    An object whose last point took the sensor's depth is set down there; any other is held at the end.

    Args:
        trace: in ``observation.frame_id``.
        target_from_camera: to the frame of the steps, whose z points up.

    Raises:
        NoDepth: for an observation in colour only.
        PlanningError: where nothing that can be taken is seen at the trace's first point, or not what it stands on.
        MotionRefused: for steps that break a bound, naming the step, the waypoint, the amount and the bound.
        FrameMismatch: for a trace of another camera.
    """
    target_from_camera.require_source(trace.frame_id)
    view = DepthView.of(observation)
    if view is None:
        raise NoDepth("what an arm takes is told from depth, received colour only; accepted: a camera with depth")
    target_from_view = target_from_camera @ view.view_from_color.inverse()
    view_from_target = target_from_view.inverse()
    points = target_from_camera.apply(trace.points_m)
    view = tool.taken_out_of(view, target_from_view)
    held = find_carried_object(
        view, view_from_target.apply(points[:1])[0], view_from_target.rotate(_UP), bounds.object_radius_m
    )
    surface = target_from_view.apply(held.points_m)
    foot_m = held.support_m + float(target_from_view.translation_m[2])
    obstacles = view.without(held.mask)
    grasps = grasps_from_above(surface, tool.shape, foot_m, tool.tip.yaw_rad)
    max_width_m = tool.shape.max_width_m
    opened = tool.opened(opened_m(grasps[0], settings, max_width_m))
    grasp = _Scene(obstacles, target_from_view, opened.body_m).clearest(grasps)
    set_down = trace.depth_source[-1] == DepthSource.SENSOR
    place_m = points[-1] + [0.0, 0.0, grasp.above_foot_m + settings.release_m]
    letting_go = _Scene(obstacles, target_from_view, tool.opened(let_go_m(grasp, max_width_m)).body_m)
    steps = pick_and_place(
        points, grasp, tool.tip, target_from_camera.target_frame, trace.stamp_ns, settings,
        max_width_m=max_width_m, set_down=set_down,
        raised_m=letting_go.raise_m(place_m, grasp) if set_down else 0.0,
    )  # fmt: skip
    require_in_bounds(steps, opened, standing(surface, foot_m), obstacles, target_from_view, bounds)
    return steps


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What the open gripper must not stand in, where it takes things and where it lets go."""

    obstacles: DepthView
    target_from_view: RigidTransform
    body_m: FloatArray

    def clearest(self, grasps: Sequence[Grasp]) -> Grasp:
        """The first grasp that touches nothing; the first of all where every one does."""
        return next((grasp for grasp in grasps if not self._touches(grasp.position_m, grasp)), grasps[0])

    def raise_m(self, place_m: FloatArray, grasp: Grasp) -> float:
        """How much higher than (3,) the gripper has to let go, so that its fingers do not touch a bowl's wall; 0 where
        no such height is found.
        """
        heights = np.arange(0.0, _MOST_RAISED_M, _RAISED_STEP_M)
        return next((float(high) for high in heights if not self._touches(place_m + high * _UP, grasp)), 0.0)

    def _touches(self, position_m: FloatArray, grasp: Grasp) -> bool:
        pose = PosePath(position_m[None], grasp.quaternion_xyzw[None], self.target_from_view.target_frame, 0)
        return bool(swept_too_close(pose, self.body_m, self.obstacles, self.target_from_view, _FINGER_GAP_M))


def require_in_bounds(
    steps: Sequence[Step], tool: Tool, surface_m: FloatArray, view: DepthView, target_from_view: RigidTransform,
    bounds: MotionBounds,
) -> None:  # fmt: skip
    """Check every way of the steps, from where the tip is now.

    Args:
        tool: with its fingers open.
        surface_m: (K, 3) points on the object, in the frame of the steps.
        view: without the robot and the object.

    Raises:
        MotionRefused: naming the step, the waypoint, the amount and the bound.
    """
    settings = bounds.as_path_settings()
    contacts = np.array([step.path.positions_m[-1] for step in steps if isinstance(step, Reach) and step.name in
                         ("grasp", "place")]).reshape(-1, 3)  # fmt: skip
    for step, corners, holding in _ways(steps, tool):
        body = np.concatenate([tool.body_m, _in_hand(surface_m, steps)]) if holding else tool.body_m
        reach_m = float(np.linalg.norm(body, axis=1).max(initial=0.0))
        way, to = between_waypoints(corners, settings.spacing_m, reach_m)
        low = float(bounds.min_height_m - way.positions_m[:, 2].min())
        if low > 0:
            at = int(to[way.positions_m[:, 2].argmin()])
            raise MotionRefused(
                f"{step.name}: the way to waypoint {at} is {low:.3f} m below min_height_m {bounds.min_height_m:g} m"
            )
        found = outside_workspace(way.positions_m, settings)
        if bounds.clearance_m > 0 and not found:
            away = np.linalg.norm(way.positions_m[:, None] - contacts, axis=2) > bounds.contact_radius_m
            found = swept_too_close(way, body, view, target_from_view, bounds.clearance_m, away.all(axis=1))
        if found:
            worst = max(found, key=lambda violation: violation.amount_m)
            worst = replace(worst, index=int(to[worst.index]))
            raise MotionRefused(f"{step.name}: the way to {worst.describe(settings)}")


def _ways(steps: Sequence[Step], tool: Tool) -> Iterator[tuple[Reach, PosePath, bool]]:
    """Each reach with its waypoints, counted from 1 behind the place where the one before ended, and whether something
    is held on it.
    """
    at, turned, holding = tool.tip.position_m, tool.tip.quaternion_xyzw, False
    for step in steps:
        if isinstance(step, Grip):
            holding = step.takes
            continue
        path = step.path
        positions, quaternions = np.vstack([at, path.positions_m]), np.vstack([turned, path.quaternions_xyzw])
        yield step, PosePath(positions, quaternions, path.frame_id, path.stamp_ns), holding
        at, turned = positions[-1], quaternions[-1]


def standing(surface_m: FloatArray, foot_m: float) -> FloatArray:
    """Readings (K, 3), z up, with columns from them down to a foot: what a camera sees from above has sides as well."""
    from_above = surface_m[np.argsort(-surface_m[:, 2])]
    _, first = np.unique(np.floor(from_above[:, :2] / SPACING_M), axis=0, return_index=True)
    tops = from_above[first]
    levels = np.arange(foot_m, tops[:, 2].max(initial=foot_m), SPACING_M)
    columns = np.repeat(tops[:, None], len(levels), axis=1)
    columns[..., 2] = levels
    return np.concatenate([surface_m, columns[levels < tops[:, None, 2]]])


def _in_hand(surface_m: FloatArray, steps: Sequence[Step]) -> FloatArray:
    """(K, 3) what is held, seen from the tip that took it."""
    taken = next(step.path for step in steps if isinstance(step, Reach) and step.name == "grasp")
    x, y, z, w = taken.quaternions_xyzw[-1]
    tip = RigidTransform.from_quaternion_xyzw(taken.frame_id, "tip", (x, y, z, w), taken.positions_m[-1])
    return tip.inverse().apply(surface_m)
