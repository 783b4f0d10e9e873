"""The worlds that sim_node knows, and who controls the robot in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.world import SimWorld


class Servers(Protocol):
    """The controllers of one kind of robot."""

    def steer(self) -> None:
        """Command the robot for the next step; called with the turn held."""
        ...

    def begin_again(self) -> None:
        """Forget what was being done: the world was reset; called with the turn held."""
        ...

    def close(self) -> None:
        """End what waits."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of world.

    Attributes:
        urdf: file name in ``urdf/``.
        make: the world, of a URDF's path and the node's parameters.
        serve: its controllers, of the node, the world, the turn and the simulated time of a stamp.
    """

    urdf: str
    make: Callable[[Path, Mapping[str, Any]], SimWorld]
    serve: Callable[[Node, Any, Any, Callable[[int], float]], Servers]


def _tabletop(urdf: Path, values: Mapping[str, Any]) -> SimWorld:
    from robotracer_ros.sim.arm_world import ArmWorld
    from robotracer_ros.sim.catalogue import Split

    if bool(values["width"]) != bool(values["height"]):
        raise InvalidRequest(f"width and height go together, received {values['width']} and {values['height']}")
    size = (values["width"], values["height"]) if values["width"] else None
    noise = DepthNoise() if values["depth_noise"] else None
    return ArmWorld(urdf, values["seed"], split=Split(values["split"]), size=size, noise=noise)


def _arm(node: Node, world: Any, turn: Any, to_sim_s: Callable[[int], float]) -> Servers:
    from robotracer_ros.nodes.sim_arm import ArmServers

    return ArmServers(node, world, turn, to_sim_s, node.stamp_ns)


def _floor(urdf: Path, values: Mapping[str, Any]) -> SimWorld:
    from robotracer_ros.sim.floor_world import FloorWorld

    if values["width"] or values["height"]:
        raise InvalidRequest("the camera of the world floor has one size; accepted: width 0 and height 0")
    return FloorWorld(urdf, values["seed"], DepthNoise() if values["depth_noise"] else None)


def _base(node: Node, world: Any, turn: Any, _to_sim_s: Callable[[int], float]) -> Servers:
    from robotracer_ros.nodes.sim_drive import DriveServers

    return DriveServers(node, world, turn, node.stamp_ns)


WORLDS: Final = {
    "tabletop": Kind("tabletop_arm.urdf", _tabletop, _arm),
    "floor": Kind("driving_base.urdf", _floor, _base),
}
