"""The simulated floor: the base goes where it is told, stops at what it meets, and its errands can be driven."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from robotracer_ros.bench.driving import ARRIVED_M, GROUND, SENTENCE, ride, rides
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.driving_tasks import RELATIONS, NoSuchErrand, drawn_task, driving_task, understood, worded
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.floor_scene import ALWAYS, MAX_THINGS, MIN_THINGS, FloorScene
from robotracer_ros.sim.floor_spec import CAMERA, WHEELS, overview_pixels
from robotracer_ros.sim.floor_world import BASE_RADIUS_M, MAX_SPEED_M_S, FloorWorld

URDF = Path(__file__).resolve().parents[2] / "urdf" / "driving_base.urdf"
# A seed with a free place to the left of the green box.
SEED = 3


@pytest.fixture(scope="module")
def one() -> Iterator[FloorWorld]:
    with FloorWorld(URDF) as made:
        yield made


@pytest.fixture
def world(one: FloorWorld) -> FloorWorld:
    one.reset(SEED)
    return one


def told(world: FloorWorld, v: float, w: float, seconds: float) -> None:
    """Driven for so long, with a command every 0.1 s."""
    for _ in range(round(seconds / 0.1)):
        world.drive(v, w)
        world.advance(0.1)


def test_every_loader_finds_the_same_base() -> None:
    robot = RobotDescription.from_urdf(URDF.read_text())
    assert robot.root == "base_footprint"
    model = mujoco.MjModel.from_xml_path(str(URDF))
    assert {model.joint(index).name for index in range(model.njnt)} == set(WHEELS)
    assert {joint.name for joint in robot.joints.values() if joint.moves} == set(WHEELS)
    pinocchio = pytest.importorskip("pinocchio")
    assert set(WHEELS) < set(pinocchio.buildModelFromUrdf(str(URDF)).names)


def test_its_wheels_stand_on_the_floor_and_its_camera_looks_down_ahead() -> None:
    robot = RobotDescription.from_urdf(URDF.read_text())
    wheel = robot.place("left_wheel", {}, "base_footprint")[0]
    assert wheel[2, 3] == pytest.approx(0.07)
    forward = robot.place("camera_color_optical_frame", {}, "base_footprint")[0][:3, 2]
    assert math.degrees(math.asin(-forward[2])) == pytest.approx(28.0, abs=0.1)
    assert forward[0] > 0
    assert forward[1] == pytest.approx(0.0, abs=1e-6)


def test_a_seed_gives_the_same_floor_and_another_one_another() -> None:
    one, same, other = (FloorScene.sample(seed) for seed in (7, 7, 8))
    assert [thing.name for thing in one.things] == [thing.name for thing in same.things]
    np.testing.assert_array_equal(one.things[0].centre_m, same.things[0].centre_m)
    assert not np.array_equal(one.things[0].centre_m, other.things[0].centre_m)


@pytest.mark.parametrize("seed", range(30))
def test_things_stand_apart_and_no_two_are_called_alike(seed: int) -> None:
    things = FloorScene.sample(seed).things
    assert MIN_THINGS <= len(things) <= MAX_THINGS
    assert (things[0].colour, things[0].shape) == ALWAYS
    assert len({thing.name for thing in things}) == len(things)
    for index, thing in enumerate(things):
        assert 0.2 <= thing.size_m.max() <= 0.6
        for other in things[:index]:
            assert np.hypot(*(thing.centre_m - other.centre_m)) > thing.radius_m + other.radius_m


def test_the_distance_to_a_box_is_that_to_its_nearest_side() -> None:
    box = replace(FloorScene.sample(0).thing("green box"), size_m=(0.4, 0.2, 0.3), centre_m=(1, 2), yaw_rad=math.pi / 2)
    distances = box.distance_m(np.array([[1, 2], [1.3, 2], [1, 2.5], [1.4, 2.6]]))
    np.testing.assert_allclose(distances, (-0.1, 0.2, 0.3, 0.5))
    assert box.reach_m(np.array([1.0, 0.0])) == pytest.approx(0.1)


def test_the_camera_sees_the_floor_at_its_height_and_things_above_it(world: FloorWorld) -> None:
    seen = world.photograph()
    rows, columns = np.indices(seen.depth_m.shape)
    points = CAMERA.deproject(np.column_stack([columns.ravel(), rows.ravel()]), seen.depth_m.ravel())
    in_odom = (world.odom_from_base() @ world.base_from_camera).apply(points)
    height = in_odom[:, 2].reshape(seen.depth_m.shape)
    assert np.nanmin(height) > -0.01
    assert np.abs(height[-40:]).max() < 0.002
    box = world.scene.thing("green box")
    on_top = np.abs(height - box.size_m[2]) < 0.005
    near = box.distance_m(in_odom[:, :2]).reshape(height.shape) < 0.0
    assert (on_top & near).sum() > 50
    red, green, blue = seen.rgb[on_top & near].mean(axis=0)
    assert green > 1.5 * max(red, blue)


def test_straight_on_it_goes_as_far_as_its_speed_says(world: FloorWorld) -> None:
    told(world, 0.3, 0.0, 2.0)
    # 0.3 m/s after 0.3 s of speeding up.
    assert world.pose == pytest.approx((0.3 * 2.0 - 0.3 * 0.3 / 2, 0.0, 0.0), abs=0.01)
    assert world.velocity == pytest.approx((0.3, 0.0), abs=0.005)
    turned = world.joints()
    assert turned.names == WHEELS
    np.testing.assert_allclose(turned.positions, world.pose[0] / 0.07, rtol=0.05)


def test_in_a_bend_it_goes_around_a_circle_and_never_sideways(world: FloorWorld) -> None:
    told(world, 0.2, 0.8, 1.0)
    around = []
    for _ in range(60):
        told(world, 0.2, 0.8, 0.1)
        x, y, yaw = world.pose
        around.append((x - 0.25 * math.sin(yaw), y + 0.25 * math.cos(yaw)))
    assert np.ptp(around, axis=0).max() < 0.02


def test_without_commands_it_stands_after_a_moment(world: FloorWorld) -> None:
    told(world, 0.4, 0.5, 1.0)
    # The last command came 0.1 s before.
    world.advance(0.19)
    assert world.velocity[0] > 0.39
    world.advance(0.3)
    assert world.velocity == pytest.approx((0.0, 0.0), abs=0.02)
    stood = world.pose
    world.advance(1.0)
    assert world.pose == pytest.approx(stood, abs=0.01)


def test_told_to_stand_it_rests_within_a_fifth_of_a_second(world: FloorWorld) -> None:
    told(world, 0.4, 1.0, 1.0)
    world.drive(0.0, 0.0)
    world.advance(0.2)
    assert abs(world.velocity[0]) < 0.01
    assert abs(world.velocity[1]) < 0.02


def test_what_it_meets_stops_it_and_is_told(world: FloorWorld) -> None:
    thing = min(world.scene.things, key=lambda one: abs(math.atan2(one.centre_m[1], one.centre_m[0])))
    turn = math.atan2(thing.centre_m[1], thing.centre_m[0])
    told(world, 0.0, math.copysign(0.5, turn), round(abs(turn) / 0.5, 1))
    assert not world.touched
    told(world, 0.4, 0.0, 12.0)
    name, at_s = next(iter(world.touched.items()))
    assert world.scene.thing(name).distance_m(np.array(world.pose[:2])) == pytest.approx(BASE_RADIUS_M, abs=0.02)
    assert at_s < world.time_s
    assert world.truth()["touched"] == world.touched
    told(world, -0.3, 0.0, 1.0)
    world.reset(SEED)
    assert not world.touched


@pytest.mark.parametrize("urdf", ["no XML", "<robot name='x'><link name='a'/></robot>"])
def test_a_urdf_of_another_robot_is_refused(urdf: str, tmp_path: Path) -> None:
    (tmp_path / "other.urdf").write_text(urdf)
    with pytest.raises(InvalidRequest, match="URDF of the base"):
        FloorWorld(tmp_path / "other.urdf")


def test_a_speed_is_bounded_and_one_that_is_none_refused(world: FloorWorld) -> None:
    told(world, 50.0, 0.0, 1.0)
    assert world.velocity[0] <= MAX_SPEED_M_S + 0.01
    for v, w in ((math.nan, 0.0), (0.0, math.inf)):
        with pytest.raises(InvalidRequest, match="finite"):
            world.drive(v, w)
    with pytest.raises(InvalidRequest, match="left_wheel_joint"):
        world.command({"left_wheel_joint": 1.0})


def test_the_same_commands_lead_to_the_same_place_however_time_is_cut(world: FloorWorld) -> None:
    ends = []
    for cuts in (1, 7):
        world.reset(SEED)
        for step in range(10):
            world.drive(0.3, 0.1 * step)
            for _ in range(cuts):
                world.advance(0.1 / cuts)
        ends.append(world.pose)
    assert ends[0] == ends[1]


def test_frames_lead_from_odom_to_the_camera(world: FloorWorld) -> None:
    told(world, 0.3, 0.4, 1.0)
    frames = {one.source_frame: one for one in (*world.fixed_frames(), *world.moving_frames())}
    assert len(frames) == len(world.fixed_frames()) + len(world.moving_frames())
    chain = frames["camera_color_optical_frame"]
    while chain.target_frame != "odom":
        chain = frames[chain.target_frame] @ chain
    expected = world.odom_from_base() @ world.base_from_camera
    np.testing.assert_allclose(chain.translation_m, expected.translation_m, atol=1e-9)
    np.testing.assert_allclose(chain.rotation, expected.rotation, atol=1e-9)


@pytest.mark.parametrize("relation", RELATIONS)
def test_what_is_worded_is_understood(relation: str) -> None:
    marks = ("green box", "red ball") if relation == "between" else ("green box",)
    assert understood(worded(relation, marks).capitalize() + ".") == (relation, marks)


@pytest.mark.parametrize("sentence", ["left side of the green box", "Go to the left of the green box!"])
def test_a_side_is_understood_in_other_words(sentence: str) -> None:
    assert understood(sentence) == ("left", ("green box",))


@pytest.mark.parametrize(
    "sentence",
    [
        "make me a sandwich",
        "do not drive to the left of the green box",
        "drive behind the green box, then to the left of the red ball",
    ],
)
def test_what_is_not_understood_is_told_what_would_be(sentence: str) -> None:
    with pytest.raises(InvalidRequest, match="to the left of the green box"):
        understood(sentence)


def test_a_thing_that_is_not_there_is_told_which_are(world: FloorWorld) -> None:
    with pytest.raises(InvalidRequest, match="there are: green box"):
        driving_task(world, "drive to the left of the golden box and stop there")


def test_the_trace_lies_on_the_floor_in_the_picture_and_ends_at_the_goal(world: FloorWorld) -> None:
    task = driving_task(world, SENTENCE)
    pixels = task.trace.pixels(CAMERA.width, CAMERA.height)
    points = (world.odom_from_base() @ world.base_from_camera).apply(CAMERA.deproject(pixels, task.trace.depth_m))
    assert np.abs(points[:, 2]).max() < 0.02
    np.testing.assert_allclose(points[-1, :2], task.goal_m, atol=0.01)
    assert pixels[0, 1] > 0.9 * CAMERA.height
    box = world.scene.thing("green box")
    # To the left as the camera sees it: on the side of odom's y.
    assert task.goal_m[1] > box.centre_m[1] + box.reach_m(np.array([0.0, 1.0])) + BASE_RADIUS_M
    assert abs(task.goal_m[0] - box.centre_m[0]) < 1e-9


def test_the_way_is_free_for_the_whole_base(world: FloorWorld) -> None:
    task = drawn_task(world, np.random.default_rng(1))
    share = np.linspace(0, 1, 50)[:, None]
    for a, b in zip(task.way_m[:-1], task.way_m[1:], strict=True):
        assert world.scene.clearance_m(a + (b - a) * share).min() > BASE_RADIUS_M + 0.1


def test_an_errand_without_a_place_is_refused(world: FloorWorld) -> None:
    for seed in range(40):
        world.reset(seed)
        try:
            driving_task(world, "drive behind the green box")
        except NoSuchErrand as error:
            assert f"seed {seed}" in str(error)
            return
    raise AssertionError("the back of every green box can be seen")


def test_true_traces_are_driven_to_their_end_and_touch_nothing() -> None:
    with FloorWorld(URDF, noise=DepthNoise()) as world:
        done = list(rides(world, 2, SENTENCE, SEED))
    assert [one.failure for one in done] == ["", ""]
    assert all(one.off_m < ARRIVED_M / 2 for one in done)
    assert all(np.linalg.norm(one.driven_m[-1] - one.task.goal_m) == one.off_m for one in done)


def test_a_trace_through_a_thing_is_refused_before_the_base_moves(world: FloorWorld) -> None:
    task = driving_task(world, SENTENCE)
    thing = world.scene.thing("black bin")
    camera = (world.odom_from_base() @ world.base_from_camera).inverse()
    ways = np.linspace((1.0, 0.0), thing.centre_m + (thing.centre_m - (1.0, 0.0)) * 0.5, 5)
    in_camera = camera.apply(np.column_stack([ways, np.zeros(5)]))
    uv = CAMERA.project(in_camera) / (CAMERA.width, CAMERA.height)
    done = ride(world, replace(task, trace=VisualTrace(uv, in_camera[:, 2])))
    assert done.failure.startswith("planning: ")
    assert world.pose == (0.0, 0.0, 0.0)
    assert f"{GROUND.clearance_m:g}" in done.failure or "behind what the camera saw" in done.failure


def test_the_picture_from_above_shows_things_where_they_are(world: FloorWorld) -> None:
    picture, box = world.overview(), world.scene.thing("green box")
    u, v = np.rint(overview_pixels(box.centre_m[None])[0]).astype(int)
    red, green, blue = picture[v - 2 : v + 3, u - 2 : u + 3].reshape(-1, 3).mean(axis=0)
    assert green > 1.2 * max(red, blue)
