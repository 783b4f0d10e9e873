"""The path on a topic, for whatever else moves the robot."""

from __future__ import annotations

from collections.abc import Sequence

from nav_msgs.msg import Path
from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.motion.follower import Plan, Progress, StopSign
from robotracer_ros.motion.moved_path import Lookup, path_in
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.ros.convert import path_to_msg
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos


class PathTopicFollower:
    """A `PathFollower` that publishes and moves nothing: all ways in order as one nav_msgs/Path, kept for late hearers.

    It knows no joints and checks none, and nobody tells it whether a robot follows.

    Args:
        topic: the node's remappings apply.
        frame: that the path is published in; "" for the frame of the first way.

    Raises:
        InvalidRequest: for a topic without a name.
    """

    def __init__(self, node: Node, topic: str, frame: str, lookup: Lookup) -> None:
        if not topic:
            raise InvalidRequest("path_topic.topic must be a name, received ''")
        self._node, self._frame, self._lookup = node, frame, lookup
        with overridable(node.resolve_topic_name(topic)):
            self._publisher = node.create_publisher(Path, topic, result_qos(), qos_overriding_options=OVERRIDES)
        self._is_open = True

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """Put the ways together; steps of the gripper have no place on a path.

        Raises:
            MotionRefused: without a way.
            RobotracerError: no transform, or the reason of ``stop``.
        """
        stop.obey()
        paths = [step.path for step in steps if isinstance(step, Reach)]
        if not paths:
            raise MotionRefused(f"there is no way to publish, received {len(steps)} steps; accepted: at least one way")
        moved = [path_in(path, self._frame or paths[0].frame_id, self._lookup) for path in paths]
        message = path_to_msg(moved[0])
        message.poses = [pose for path in moved for pose in path_to_msg(path).poses]
        return Plan(tuple(steps), hints=message)

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        """Publish; done when that is done.

        Raises:
            RobotracerError: the reason of ``stop``.
        """
        stop.obey()
        self._publisher.publish(plan.hints)
        self._node.get_logger().info(
            f"published {len(plan.hints.poses)} poses on {self._publisher.topic_name}; nothing else was done"
        )
        progress(plan.steps[-1].name, 1.0)

    def close(self) -> None:
        """Let go of the topic."""
        if self._is_open:
            self._is_open = False
            self._node.destroy_publisher(self._publisher)
