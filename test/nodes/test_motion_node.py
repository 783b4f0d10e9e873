"""motion_node over DDS with the simulated arm: it previews, waits, follows, and stops for every reason there is."""

from __future__ import annotations

import copy
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")
pytest.importorskip("pinocchio", reason="Pinocchio is absent")
pytest.importorskip("moveit_msgs", reason="moveit_msgs is absent")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from moveit_msgs.msg import DisplayTrajectory
from nav_msgs.msg import Path as PathMessage
from nodes.harness import Client
from nodes.motion_stand import Stand, standing, true_trace
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from robotracer_ros.action import FollowTrace
from robotracer_ros.msg import SpatialTrace
from robotracer_ros.ros.qos import result_qos
from robotracer_ros.sim.scene import CAMERA_FRAME
from robotracer_ros.srv import GetTrace

R = FollowTrace.Result
DEFAULTS: dict[str, Any] = {
    "allow_execution": True, "require_approval": False, "max_plan_age_s": 300.0, "clearance_m": 0.01,
    "workspace_max_m": [10.0, 10.0, 10.0], "max_velocity_scaling": 0.3, "max_acceleration_scaling": 0.3,
    "approval_timeout_s": 60.0, "trace_timeout_s": 60.0, "max_tip_speed_m_s": 0.25,
}  # fmt: skip


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, ros: None, request: pytest.FixtureRequest) -> Iterator[Stand]:
    client = Client(parameters=[Parameter("use_sim_time", value=True)])
    rests_within_s = request.config.getoption("--at-rest-within")
    with standing(tmp_path_factory.mktemp("stand"), client, rests_within_s, max_plan_age_s=300.0) as one:
        yield one
    client.close()


def configured(stand: Stand, **values: Any) -> None:
    request = SetParameters.Request(
        parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    )
    response = stand.client.call(stand.setter, request, 60.0)
    assert all(result.successful for result in response.results), response.results


@pytest.fixture
def fresh(stand: Stand) -> Stand:
    """The arm folded again, and the parameters as they were."""
    configured(stand, **DEFAULTS)
    stand.reset()
    return stand


@pytest.fixture(scope="module")
def trace(stand: Stand) -> SpatialTrace:
    return true_trace(stand.client)


def now(stand: Stand, trace: SpatialTrace) -> SpatialTrace:
    """Seen just now: TF forgets."""
    stamped = copy.deepcopy(trace)
    stamped.header.stamp = stand.client.node.get_clock().now().to_msg()
    return stamped


def failed(stand: Stand, result: FollowTrace.Result, code: int, *words: str) -> None:
    assert not result.success and result.error_code == code, result.message
    for word in words:
        assert word in result.message


def test_a_preview_shows_the_way_and_moves_nothing(fresh: Stand, trace: SpatialTrace) -> None:
    paths: list[PathMessage] = []
    fresh.client.node.create_subscription(PathMessage, "motion_node/path", paths.append, result_qos())
    began = time.monotonic()
    goal = fresh.goal(now(fresh, trace), preview=True)
    result = goal.result()
    assert result.success and result.fraction == 1.0, result.message
    assert result.message == "previewed: nothing moved"
    # Seen by the camera, and answered in the frame it was planned in.
    assert trace.header.frame_id == CAMERA_FRAME and result.trace.header.frame_id == "base_link"
    assert 0.2 < math.hypot(result.trace.points[0].position.x, result.trace.points[0].position.y) < 1.0
    assert abs(result.trace.points[0].position.z) < 0.2
    assert goal.stages == ["observing", "planning", "checking", "previewed"]
    deadline = time.monotonic() + 10.0
    while not paths and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(paths[-1].poses) > 10 and paths[-1].header.frame_id == "base_link"
    assert not fresh.moved_since(began)


def test_a_slower_scaling_counts_from_the_next_goal_on(fresh: Stand, trace: SpatialTrace) -> None:
    shown: list[DisplayTrajectory] = []
    fresh.client.node.create_subscription(DisplayTrajectory, "display_planned_path", shown.append, 10)

    def lasts_s(scaling: float) -> float:
        # Fast enough for the joints' limits to be what counts.
        configured(fresh, max_velocity_scaling=scaling, max_acceleration_scaling=scaling, max_tip_speed_m_s=5.0)
        shown.clear()
        result = fresh.goal(now(fresh, trace), preview=True).result()
        assert result.success, result.message
        deadline = time.monotonic() + 10.0
        # The planner shows each way by itself, as MoveIt does; motion_node all of them.
        while not (whole := [one for one in shown if len(one.trajectory) > 1]) and time.monotonic() < deadline:
            time.sleep(0.05)
        ends = [part.joint_trajectory.points[-1].time_from_start for part in whole[-1].trajectory]
        return sum(end.sec + 1e-9 * end.nanosec for end in ends)

    # A third of the acceleration takes the root of three times as long, a third of the speed three times.
    assert math.sqrt(3.0) * 0.95 < lasts_s(0.1) / lasts_s(0.3) < 3.0 * 1.05


def test_an_arm_that_may_moves_to_the_end(fresh: Stand, trace: SpatialTrace) -> None:
    goal = fresh.goal(now(fresh, trace))
    result = goal.result()
    assert result.success and result.error_code == R.SUCCESS and result.fraction == 1.0, result.message
    steps = [stage.removeprefix("moving: ") for stage in dict.fromkeys(goal.stages) if stage.startswith("moving")]
    assert steps == ["open", "approach", "grasp", "lift", "trace", "place", "release", "retreat", "return"]


def test_nothing_moves_where_execution_is_not_allowed(fresh: Stand, trace: SpatialTrace) -> None:
    configured(fresh, allow_execution=False)
    began = time.monotonic()
    failed(fresh, fresh.goal(now(fresh, trace)).result(), R.MOTION_REFUSED, "allow_execution is false", "preview_only")
    assert not fresh.moved_since(began)


def test_an_arm_that_is_not_allowed_any_more_stops(fresh: Stand, trace: SpatialTrace) -> None:
    stops(fresh, trace, lambda: configured(fresh, allow_execution=False), R.MOTION_FAILED, "allow_execution was set")


def test_a_goal_waits_for_approval(fresh: Stand, trace: SpatialTrace) -> None:
    configured(fresh, require_approval=True)
    approve = fresh.approve
    assert not fresh.client.call(approve, Trigger.Request(), 60.0).success
    began = time.monotonic()
    goal = fresh.goal(now(fresh, trace))
    goal.wait_for("awaiting approval")
    time.sleep(0.5)
    assert not fresh.moved_since(began)
    assert fresh.client.call(approve, Trigger.Request(), 60.0).success
    goal.wait_for("moving: approach")
    fresh.answered(goal.handle.cancel_goal_async())
    failed(fresh, goal.result(), R.CANCELLED)


def test_without_approval_nothing_moves(fresh: Stand, trace: SpatialTrace) -> None:
    configured(fresh, require_approval=True, approval_timeout_s=0.5)
    failed(fresh, fresh.goal(now(fresh, trace)).result(), R.MOTION_REFUSED, "approval_timeout_s 0.5 s", "~/approve")


def test_a_plan_that_has_become_stale_is_not_followed(fresh: Stand, trace: SpatialTrace) -> None:
    configured(fresh, require_approval=True, max_plan_age_s=0.5)
    began = time.monotonic()
    goal = fresh.goal(now(fresh, trace))
    failed(fresh, goal.result(), R.MOTION_REFUSED, "max_plan_age_s allows 0.5 s")
    assert "awaiting approval" in goal.stages
    assert not fresh.client.call(fresh.approve, Trigger.Request(), 60.0).success
    assert not fresh.moved_since(began)


@pytest.mark.parametrize("stage", ["moving: approach", "moving: lift", "moving: trace"])
def test_cancel_stops_a_moving_arm(fresh: Stand, trace: SpatialTrace, stage: str) -> None:
    goal = fresh.goal(now(fresh, trace))
    goal.wait_for(stage)
    time.sleep(0.4)
    event = time.monotonic()
    fresh.answered(goal.handle.cancel_goal_async())
    failed(fresh, goal.result(), R.CANCELLED, "the robot stands")
    fresh.comes_to_rest(event, f"the cancel while {stage}")
    assert goal.result().fraction < 1.0


def test_cancel_ends_a_goal_that_waits(fresh: Stand, trace: SpatialTrace) -> None:
    configured(fresh, require_approval=True)
    goal = fresh.goal(now(fresh, trace))
    goal.wait_for("awaiting approval")
    fresh.answered(goal.handle.cancel_goal_async())
    failed(fresh, goal.result(), R.CANCELLED)


def test_a_second_goal_is_refused_and_the_first_goes_on(fresh: Stand, trace: SpatialTrace) -> None:
    first = fresh.goal(now(fresh, trace))
    first.wait_for("moving: approach")
    second = fresh.goal(now(fresh, trace))
    failed(fresh, second.result(), R.BUSY, "another goal is running")
    fresh.answered(second.handle.cancel_goal_async())
    first.wait_for("moving: grasp")
    fresh.answered(first.handle.cancel_goal_async())
    failed(fresh, first.result(), R.CANCELLED)


def stops(
    stand: Stand, trace: SpatialTrace, fault: Any, code: int, *words: str, is_silence: bool = False
) -> None:  # fmt: skip
    """While the arm moves something happens, and the arm rests with an error that says what."""
    if is_silence:
        # So that it is still on the same way when that is missed.
        configured(stand, max_velocity_scaling=0.1, max_acceleration_scaling=0.1)
    goal = stand.goal(now(stand, trace))
    goal.wait_for("moving: trace")
    time.sleep(0.3)
    event = time.monotonic()
    fault()
    result = goal.result()
    failed(stand, result, code, *words)
    stand.comes_to_rest(event, result.message, is_silence=is_silence)
    assert result.fraction < 1.0


def test_joints_that_jump_stop_it(fresh: Stand, trace: SpatialTrace) -> None:
    stops(fresh, trace, lambda: setattr(fresh, "offset_rad", 1.5), R.MOTION_FAILED, "_joint")


def test_joint_states_that_fall_silent_stop_it(fresh: Stand, trace: SpatialTrace) -> None:
    stops(fresh, trace, lambda: setattr(fresh, "passes_joints", False), R.MOTION_FAILED, "joint_states",
          is_silence=True)  # fmt: skip


def test_tf_that_falls_silent_stops_it(fresh: Stand, trace: SpatialTrace) -> None:
    stops(fresh, trace, lambda: setattr(fresh, "passes_tf", False), R.MOTION_FAILED, "grasp_point",
          "max_transform_age_s", is_silence=True)  # fmt: skip


def test_deactivation_stops_it(fresh: Stand, trace: SpatialTrace) -> None:
    def transition(number: int) -> bool:
        return fresh.client.call(fresh.changer, ChangeState.Request(transition=Transition(id=number)), 60.0).success

    stops(fresh, trace, lambda: transition(Transition.TRANSITION_DEACTIVATE), R.NOT_ACTIVE, "deactivated")
    failed(fresh, fresh.goal(now(fresh, trace), preview=True).result(), R.NOT_ACTIVE)
    assert transition(Transition.TRANSITION_ACTIVATE)
    fresh.reset()
    assert fresh.goal(now(fresh, trace), preview=True).result().success


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"workspace_max_m": [1.0, 1.0, 0.1]}, R.MOTION_REFUSED, ("approach: the way to", "outside workspace_min_m")),
        ({"clearance_m": 0.3}, R.MOTION_REFUSED, ("too close", "clearance_m 0.3 m")),
        ({"max_velocity_scaling": 0.0}, R.INVALID_REQUEST, ("max_velocity_scaling", "above 0 and at most 1")),
    ],
)
def test_what_breaks_a_bound_is_refused_before_anything_moves(
    fresh: Stand, trace: SpatialTrace, changed: dict[str, Any], code: int, words: tuple[str, ...]
) -> None:
    configured(fresh, **changed)
    began = time.monotonic()
    failed(fresh, fresh.goal(now(fresh, trace)).result(), code, *words)
    assert not fresh.moved_since(began)


def test_traces_that_cannot_be_used_are_refused(fresh: Stand, trace: SpatialTrace) -> None:
    began = time.monotonic()
    wrong = now(fresh, trace)
    wrong.points[1].position.x = math.nan
    failed(fresh, fresh.goal(wrong).result(), R.INVALID_REQUEST, "finite")
    far = now(fresh, trace)
    far.points[-1].position.z += 3.0
    failed(fresh, fresh.goal(far).result(), R.MOTION_REFUSED)
    lost = now(fresh, trace)
    lost.header.frame_id = "nowhere"
    failed(fresh, fresh.goal(lost).result(), R.NO_TRANSFORM, "nowhere")
    failed(fresh, fresh.goal(instruction="  ").result(), R.INVALID_REQUEST, "instruction")
    assert not fresh.moved_since(began)


def test_an_instruction_is_traced_and_followed(fresh: Stand, trace: SpatialTrace) -> None:
    def answer(request: GetTrace.Request, response: GetTrace.Response) -> GetTrace.Response:
        if request.instruction == "refuse":
            response.error_code, response.message = GetTrace.Response.NO_TRACE, "the model named no point"
        else:
            response.success, response.trace = True, now(fresh, trace)
        return response

    node = fresh.client.node
    service = node.create_service(GetTrace, "trace_node/get_trace", answer)
    goal = fresh.goal(instruction="put it there", preview=True)
    assert goal.result().success, goal.result().message
    assert goal.stages[0] == "asking"
    failed(fresh, fresh.goal(instruction="refuse").result(), R.NO_TRACE, "the model named no point")
    node.destroy_service(service)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_trace_node_that_goes_away_midway_is_missed(fresh: Stand) -> None:
    asked, over = threading.Event(), threading.Event()

    def vanish(_: GetTrace.Request, response: GetTrace.Response) -> GetTrace.Response:
        asked.set()
        over.wait(60.0)
        # Ends the thread that would send the answer.
        raise SystemExit

    other = Client("another_trace_node")
    other.node.create_service(GetTrace, "trace_node/get_trace", vanish)
    goal = fresh.goal(instruction="put it there")
    assert asked.wait(60.0)
    over.set()
    other.close()
    failed(fresh, goal.result(), R.BACKEND_UNAVAILABLE, "trace_node/get_trace")


def test_the_last_of_all_the_planner_dies_and_the_arm_stops(fresh: Stand, trace: SpatialTrace) -> None:
    planner = fresh.processes["cartesian_path_node"].process
    stops(fresh, trace, lambda: planner.send_signal(signal.SIGINT), R.MOTION_FAILED, "execute_trajectory")
    assert planner.wait(30.0) == 0
