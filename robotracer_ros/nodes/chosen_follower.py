"""The follower that motion_node's parameters name; the messages of the others need not be installed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields
from typing import Any, Final

from rclpy.node import Node

from robotracer_ros.errors import BackendUnavailable, NotActive
from robotracer_ros.motion.follower import PathFollower, Plan, Progress, StopSign
from robotracer_ros.motion.moved_path import Lookup
from robotracer_ros.nodes.motion_parameters import MotionParameters
from robotracer_ros.planning.manipulation import Step
from robotracer_ros.ros.description import DescriptionSource
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.joint_states import JointStates

_PACKAGES: Final = {
    "move_group": "moveit_msgs and control_msgs",
    "moveit_py": "moveit_py, moveit_msgs and control_msgs",
    "nav2": "nav2_msgs",
    "path_topic": "nav_msgs",
}


class ChosenFollower:
    """The `PathFollower` of the parameters as they are now.

    Args:
        node, frames, joints, description: what followers are made of; they outlive them.
    """

    def __init__(self, node: Node, frames: Frames, joints: JointStates, description: DescriptionSource) -> None:
        self._node, self._frames, self._joints, self._description = node, frames, joints, description
        self._open = ExitStack()
        self._values: dict[str, Any] = {}
        self._follower: PathFollower | None = None

    def open(self, parameters: MotionParameters) -> None:
        """Open it, or open it anew where a parameter changed: a slower speed counts from the next goal on.

        Raises:
            InvalidRequest: for settings that cannot be used.
            BackendUnavailable: where a package is missing, naming it.
        """
        if self._follower is not None and self._values == parameters.values:
            return
        self.close()
        name = str(parameters.follower)
        with ExitStack() as stack:
            try:
                follower = _OPENERS[name](
                    stack, self._node, parameters, self._lookup(float(parameters.transform_timeout_s)), self._joints,
                    self._description,
                )  # fmt: skip
            except ImportError as error:
                raise BackendUnavailable(
                    f"the follower {name} needs {_PACKAGES[name]}, and importing them failed: {error}; install them, "
                    f"or choose another follower: {', '.join(other for other in _PACKAGES if other != name)}"
                ) from error
            stack.callback(follower.close)
            self._open = stack.pop_all()
        self._follower, self._values = follower, dict(parameters.values)

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """As `PathFollower`."""
        return self._opened().plan(steps, stop)

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        """As `PathFollower`."""
        self._opened().follow(plan, stop, progress)

    def close(self) -> None:
        """As `PathFollower`."""
        self._follower = None
        self._open.close()

    def _opened(self) -> PathFollower:
        if self._follower is None:
            raise NotActive("the follower is closed; accepted: an active node")
        return self._follower

    def _lookup(self, timeout_s: float) -> Lookup:
        return lambda target, source, stamp_ns: self._frames.lookup(target, source, stamp_ns, timeout_s)


def _move_group(
    stack: ExitStack, node: Node, parameters: MotionParameters, lookup: Lookup, joints: JointStates,
    description: DescriptionSource,
) -> PathFollower:  # fmt: skip
    from robotracer_ros.motion.move_group import MoveGroupFollower, MoveGroupSettings

    group = _named(parameters.group("move_group"), MoveGroupSettings) | _names(parameters)
    settings = MoveGroupSettings(
        **group, tip_link=parameters.tip_link,
        rules=parameters.motion_rules(), execution=parameters.execution_settings(),
    )  # fmt: skip
    gripper = _gripper(stack, node, parameters, joints)
    return MoveGroupFollower(node, settings, description.robot, joints, lookup, gripper)


def _moveit_py(
    stack: ExitStack, node: Node, parameters: MotionParameters, lookup: Lookup, joints: JointStates,
    description: DescriptionSource,
) -> PathFollower:  # fmt: skip
    from robotracer_ros.motion.moveit_py import MoveItPyFollower, MoveItPySettings

    group = parameters.group("moveit_py")
    files = tuple(filter(None, group.pop("parameter_files")))
    settings = MoveItPySettings(
        **group, **_names(parameters), group=parameters.values["move_group.group"], tip_link=parameters.tip_link,
        parameter_files=files,
        planning_frame=parameters.values["move_group.planning_frame"], rules=parameters.motion_rules(),
        execution=parameters.execution_settings(),
    )  # fmt: skip
    gripper = _gripper(stack, node, parameters, joints)
    return MoveItPyFollower(node, settings, description.robot, joints, lookup, gripper)


def _nav2(
    _stack: ExitStack, node: Node, parameters: MotionParameters, lookup: Lookup, _joints: JointStates,
    _description: DescriptionSource,
) -> PathFollower:  # fmt: skip
    from robotracer_ros.motion.nav2 import Nav2Follower, Nav2Settings

    return Nav2Follower(node, Nav2Settings(**parameters.group("nav2"), frame=parameters.planning_frame), lookup)


def _path_topic(
    _stack: ExitStack, node: Node, parameters: MotionParameters, lookup: Lookup, _joints: JointStates,
    _description: DescriptionSource,
) -> PathFollower:  # fmt: skip
    from robotracer_ros.motion.path_topic import PathTopicFollower

    return PathTopicFollower(node, parameters.values["path_topic.topic"], parameters.planning_frame, lookup)


_OPENERS: Final = {"move_group": _move_group, "moveit_py": _moveit_py, "nav2": _nav2, "path_topic": _path_topic}


def _gripper(stack: ExitStack, node: Node, parameters: MotionParameters, joints: JointStates) -> Any:
    from robotracer_ros.motion.gripper import GripperSettings, make_gripper

    gripper = make_gripper(node, GripperSettings(**_named(parameters.group("gripper"), GripperSettings)), joints)
    stack.callback(gripper.close)
    return gripper


def _names(parameters: MotionParameters) -> dict[str, tuple[str, ...]]:
    """The lists of names that MoveIt's followers share; a parameter cannot hold an empty list."""
    return {
        name: tuple(filter(None, parameters.values[f"move_group.{name}"])) for name in ("joint_names", "controllers")
    }


def _named(values: dict[str, Any], settings: type) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(settings) if field.name in values}
