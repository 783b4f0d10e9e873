"""The follower that motion_node's parameters name; the messages of the others need not be installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any, Final

from rclpy.node import Node

from robotracer_ros.errors import BackendUnavailable, NotActive
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import PathFollower, Plan, Progress, StopSign
from robotracer_ros.motion.gripper import GripperSettings, make_gripper
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
        self._kind: _Kind | None = None
        self._follower: PathFollower | None = None

    def open(self, parameters: MotionParameters) -> None:
        """Open it, or open it anew where what it uses changed: a slower speed counts from the next goal on.

        MoveIt's Python is not begun anew for a parameter that it never sees.

        Raises:
            InvalidRequest: for settings that cannot be used.
            BackendUnavailable: where a package is missing, naming it.
        """
        name = str(parameters.follower)
        try:
            kind = _KINDS[name](parameters)
            if self._follower is not None and kind == self._kind:
                return
            self.close()
            with ExitStack() as stack:
                follower = self._made(kind, stack)
                stack.callback(follower.close)
                self._open = stack.pop_all()
        except ImportError as error:
            raise BackendUnavailable(
                f"the follower {name} needs {_PACKAGES[name]}, and importing them failed: {error}; install them, "
                f"or choose another follower: {', '.join(other for other in _PACKAGES if other != name)}"
            ) from error
        self._follower, self._kind = follower, kind

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

    def _made(self, kind: _Kind, stack: ExitStack) -> PathFollower:
        def lookup(target: str, source: str, stamp_ns: int) -> RigidTransform:
            return self._frames.lookup(target, source, stamp_ns, kind.transform_timeout_s)

        if kind.gripper is None:
            return kind.follower(self._node, *kind.settings, lookup)
        gripper = make_gripper(self._node, kind.gripper, self._joints)
        stack.callback(gripper.close)
        return kind.follower(self._node, *kind.settings, self._description.robot, self._joints, lookup, gripper)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A follower's class, and all that it uses of the parameters: two that are equal are the same follower.

    Attributes:
        settings: what the class is given after the node.
        gripper: None for followers that have none.
    """

    follower: Callable[..., PathFollower]
    settings: tuple[Any, ...]
    gripper: GripperSettings | None
    transform_timeout_s: float


def _move_group(parameters: MotionParameters) -> _Kind:
    from robotracer_ros.motion.move_group import MoveGroupFollower
    from robotracer_ros.motion.move_group_settings import MoveGroupSettings

    group = _named(parameters.group("move_group"), MoveGroupSettings) | _names(parameters)
    settings = MoveGroupSettings(
        **group, tip_link=parameters.tip_link,
        rules=parameters.motion_rules(), execution=parameters.execution_settings(),
    )  # fmt: skip
    return _Kind(MoveGroupFollower, (settings,), _gripper(parameters), parameters.transform_timeout_s)


def _moveit_py(parameters: MotionParameters) -> _Kind:
    from robotracer_ros.motion.moveit_py import MoveItPyFollower, MoveItPySettings

    group = parameters.group("moveit_py")
    files = tuple(filter(None, group.pop("parameter_files")))
    settings = MoveItPySettings(
        **group, **_names(parameters), group=parameters.values["move_group.group"], tip_link=parameters.tip_link,
        parameter_files=files,
        planning_frame=parameters.values["move_group.planning_frame"], rules=parameters.motion_rules(),
        execution=parameters.execution_settings(),
    )  # fmt: skip
    return _Kind(MoveItPyFollower, (settings,), _gripper(parameters), parameters.transform_timeout_s)


def _nav2(parameters: MotionParameters) -> _Kind:
    from robotracer_ros.motion.nav2 import Nav2Follower
    from robotracer_ros.motion.nav2_settings import Nav2Settings

    settings = Nav2Settings(
        **parameters.group("nav2"), frame=parameters.planning_frame, base_frame=parameters.base_frame
    )  # fmt: skip
    return _Kind(Nav2Follower, (settings,), None, parameters.transform_timeout_s)


def _path_topic(parameters: MotionParameters) -> _Kind:
    from robotracer_ros.motion.path_topic import PathTopicFollower

    settings = (parameters.values["path_topic.topic"], parameters.planning_frame)
    return _Kind(PathTopicFollower, settings, None, parameters.transform_timeout_s)


_KINDS: Final = {"move_group": _move_group, "moveit_py": _moveit_py, "nav2": _nav2, "path_topic": _path_topic}


def _gripper(parameters: MotionParameters) -> GripperSettings:
    return GripperSettings(**_named(parameters.group("gripper"), GripperSettings))


def _names(parameters: MotionParameters) -> dict[str, tuple[str, ...]]:
    """The lists of names that MoveIt's followers share; a parameter cannot hold an empty list."""
    return {
        name: tuple(filter(None, parameters.values[f"move_group.{name}"])) for name in ("joint_names", "controllers")
    }


def _named(values: dict[str, Any], settings: type) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(settings) if field.name in values}
