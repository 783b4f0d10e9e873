"""`robotracer demo`: the way to the demonstration over ROS, which lives with the nodes."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Final

from robotracer_ros.errors import InvalidRequest

# As far as sim_node's seeds go.
_LAST_SEED: Final = 2**31 - 1


def run(arguments: argparse.Namespace) -> int:
    """Start the demonstration.

    Raises:
        InvalidRequest: when ROS 2 is not there, or for options that do not go together.
    """
    _check(arguments)
    try:
        import_module("rclpy")
    except ModuleNotFoundError as error:
        raise InvalidRequest(
            "the demo runs over ROS 2, and rclpy cannot be imported here; "
            "source your ROS 2 installation, or start it as `./run demo`, which brings its own"
        ) from error
    return int(import_module("robotracer_ros.nodes.demo").run(arguments) or 0)


def _check(arguments: argparse.Namespace) -> None:
    if bool(arguments.rgbd) != bool(arguments.answers):
        raise InvalidRequest("--rgbd DIR and --answers FILE go together: the frame, and a model's answers about it")
    if arguments.rgbd and not arguments.instruction:
        raise InvalidRequest("--rgbd needs to hear what to do: one of the instructions that the answers are for")
    if arguments.rgbd and (arguments.truth or arguments.model or arguments.seed is not None):
        raise InvalidRequest("--seed, --model and --truth belong to the simulated table; leave them out with --rgbd")
    if arguments.seed is not None and arguments.seed > _LAST_SEED:
        raise InvalidRequest(f"--seed goes up to {_LAST_SEED}, received {arguments.seed}")
    if arguments.drive and (arguments.rgbd or arguments.model or arguments.still):
        raise InvalidRequest(
            "--drive sends a base through a simulated room, whose own truth answers; leave --model, --still, --rgbd "
            "and --answers out with it"
        )
    if arguments.view and (arguments.rgbd or arguments.still):
        raise InvalidRequest(
            "--view shows the simulated robot at work, and --still and --rgbd have none; leave out one or the other"
        )
    if arguments.truth and arguments.model:
        raise InvalidRequest("--truth asks no model; leave --model out, or --truth")
