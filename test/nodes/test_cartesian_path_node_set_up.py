"""What cartesian_path_node is told at its start: parameters, a robot description, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from moveit_msgs.msg import MoveItErrorCodes
from moveit_msgs.srv import GetCartesianPath
from nodes.harness import Client, Process, running
from nodes.panda import code, wait_until, waypoint
from std_msgs.msg import String

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes.cartesian_parameters import CARTESIAN_PARAMETERS, CartesianParameters
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.qos import result_qos

NODE = "robotracer_ros.nodes.cartesian_path_node"
DEFAULTS = {parameter.name: parameter.default for parameter in CARTESIAN_PARAMETERS}
URDF = Path(__file__).resolve().parents[2] / "urdf" / "tabletop_arm.urdf"
JOINTS = ("shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint")
READY = (0.0, -np.pi / 2, -np.pi / 2, -np.pi / 2, np.pi / 2, 0.0)
FOLDED = (0.0, -np.pi / 2, 3.0, 0.0, 0.0, 0.0)


def test_the_example_names_every_parameter_and_says_what_it_means(repository: Path) -> None:
    text = (repository / "config" / "cartesian_path.yaml").read_text()
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert values.keys() == DEFAULTS.keys() - {"robot_description"}
    for parameter in CARTESIAN_PARAMETERS:
        if parameter.name in values:
            parameter.require(values[parameter.name])
    keys = [line for line in text.splitlines() if ": " in line and not line.lstrip().startswith("#")]
    assert all("# " in line for line in keys)
    robot = RobotDescription.from_urdf(URDF.read_text())
    assert robot.chain(values["tip_link"], values["base_link"])


@pytest.mark.parametrize("name", ["tip_link", "group"])
def test_an_arm_has_to_be_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"parameter {name} is empty"):
        CartesianParameters({**DEFAULTS, "tip_link": "tool0", name: ""}).check()


def request(start: Any, *waypoints: Any, **fields: Any) -> GetCartesianPath.Request:
    message = GetCartesianPath.Request(group_name="arm", max_step=0.01, avoid_collisions=True, **fields)
    message.header.frame_id = "world"
    message.start_state.is_diff = True
    message.start_state.joint_state.name = list(JOINTS)
    message.start_state.joint_state.position = list(map(float, start))
    message.waypoints = [waypoint(list(values)) for values in waypoints]
    return message


def ask(client: Client, message: GetCartesianPath.Request) -> GetCartesianPath.Response:
    service = client.node.create_client(GetCartesianPath, "compute_cartesian_path")
    try:
        # The libraries behind the first answer load for seconds of a free core.
        return client.call(service, message, 60.0)
    finally:
        client.node.destroy_client(service)


DOWN = (0.4919, -0.1333, 0.2, 1.0, 0.0, 0.0, 0.0)


def test_the_description_may_come_from_the_topic(client: Client, tmp_path: Path) -> None:
    with running(tmp_path, {"tip_link": "tool0", "description_timeout_s": 0.2}, NODE) as process:
        refused = ask(client, request(READY, DOWN))
        assert refused.error_code.val == MoveItErrorCodes.FAILURE
        assert "no robot description within 0.2 s" in refused.error_code.message
        publisher = client.node.create_publisher(String, "robot_description", result_qos())
        publisher.publish(String(data=URDF.read_text()))
        wait_until(lambda: ask(client, request(READY, DOWN)).fraction == 1.0, 30.0)
        answer = ask(client, request(READY, DOWN))
        # Of an arm whose URDF tells no accelerations, at a tenth of 1 rad/s².
        accelerations = [point.accelerations for point in answer.solution.joint_trajectory.points]
        assert np.abs(accelerations).max() <= 0.1 * 1.01
        a_self_colliding_arm(client)
        assert process.process.poll() is None


def a_self_colliding_arm(client: Client) -> None:
    """The shapes of the URDF are considered exactly where that is asked for."""
    inside = ask(client, request(FOLDED, DOWN))
    assert inside.error_code.val == code("START_STATE_IN_COLLISION")
    assert " meets " in inside.error_code.message
    through_itself = (0.0, -0.1333, 0.3, 1.0, 0.0, 0.0, 0.0)
    considered = ask(client, request(READY, through_itself))
    assert considered.fraction < 1.0
    assert "would meet" in considered.error_code.message
    ignored = request(READY, through_itself)
    ignored.avoid_collisions = False
    assert ask(client, ignored).fraction > considered.fraction


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (
            {"tip_link": "tool0", "max_acceleration_rad_s2": [1.0, 2.0]},
            "has 2 values; accepted: one, or one for each",
        ),
        ({"tip_link": "no_such_link"}, "no link 'no_such_link'"),
        ({"tip_link": "base_link"}, "no joint moves 'base_link'"),
    ],
)
def test_what_does_not_fit_the_robot_is_told_at_once_and_to_everybody_who_asks(
    client: Client, tmp_path: Path, parameters: Any, told: str
) -> None:
    with running(tmp_path, {"robot_description": URDF.read_text(), **parameters}, NODE) as process:
        answer = ask(client, request(READY, DOWN))
        assert answer.error_code.val == MoveItErrorCodes.FAILURE
        assert told in answer.error_code.message
        wait_until(lambda: "not ready yet" in process.printed)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "parameter tip_link is empty"),
        ({"tip_link": "tool0", "robot_description": "<robot"}, "the robot description is no XML"),
        ({"tip_link": "tool0", "default_velocity_scaling": 0.0}, "default_velocity_scaling"),
    ],
)
def test_what_no_robot_could_mend_ends_the_node(tmp_path: Path, parameters: Any, told: str) -> None:
    with running(tmp_path, parameters, NODE) as process:
        assert exit_code(process) == 1
        wait_until(lambda: told in process.printed)


def exit_code(process: Process) -> int:
    return process.process.wait(30.0)
