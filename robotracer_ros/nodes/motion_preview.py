"""What motion_node is about to do, on topics: the path, markers, and MoveIt's display of the arm's way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nav_msgs.msg import Path
from rclpy.node import Node
from visualization_msgs.msg import MarkerArray

from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.motion.follower import Plan
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.planning.path import PosePath
from robotracer_ros.ros.convert import path_to_msg
from robotracer_ros.ros.markers import trace_markers
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos


class Preview:
    """The publishers ``~/path``, ``~/markers`` and ``display_planned_path``: reliable, the last message kept.

    Args:
        display: whether the follower knows the arm's joints; the last topic is opened for it alone.
    """

    def __init__(self, node: Node, *, display: bool) -> None:
        self._node = node
        self._publishers: dict[str, Any] = {}
        kinds: dict[str, type] = {"~/path": Path, "~/markers": MarkerArray}
        if display:
            # Where there is no MoveIt and no stand-in of its messages, nothing shows them.
            from moveit_msgs.msg import DisplayTrajectory

            kinds["display_planned_path"] = DisplayTrajectory
        for name, kind in kinds.items():
            with overridable(node.resolve_topic_name(name)):
                self._publishers[name] = node.create_publisher(
                    kind, name, result_qos(), qos_overriding_options=OVERRIDES
                )

    def show(self, trace: SpatialTrace, instruction: str, plan: Plan) -> None:
        """Publish a plan, and the trace it came from in the same frame."""
        path = whole_path(plan.steps)
        self._publishers["~/path"].publish(path_to_msg(path))
        self._publishers["~/markers"].publish(trace_markers(trace, instruction, path))
        if plan.display is not None and "display_planned_path" in self._publishers:
            self._publishers["display_planned_path"].publish(plan.display)

    def close(self) -> None:
        """Give up the publishers. Calling it twice is fine."""
        while self._publishers:
            self._node.destroy_publisher(self._publishers.popitem()[1])


def whole_path(steps: Sequence[Step]) -> PosePath:
    """All ways of the steps as one path."""
    paths = [step.path for step in steps if isinstance(step, Reach)]
    return PosePath(
        np.concatenate([path.positions_m for path in paths]),
        np.concatenate([path.quaternions_xyzw for path in paths]),
        paths[0].frame_id,
        paths[0].stamp_ns,
    )
