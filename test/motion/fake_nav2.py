"""A Nav2 that drives nowhere and tells of it."""

from __future__ import annotations

import threading
import time
from typing import Any

from motion.harness import DestructibleActionServer
from nav2_msgs.action import FollowPath, NavigateThroughPoses
from nav2_msgs.srv import IsPathValid
from nav_msgs.msg import Odometry
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node


class FakeNav2:
    """Both actions, the validity service and the odometry of a base.

    Attributes:
        takes_s: for a whole path.
        error_code: that a path ends with; 0 for success.
        keeps_rolling: whether the base moves on after a cancel.
        invalid: the poses that are said to be blocked.
        is_free: whether paths are said to be free, where no pose is; Jazzy's names none.
        feeds: whether feedback is sent; never to the controller "mute".
        rolls: whether the base moves at all.
    """

    def __init__(self, node: Node) -> None:
        self.node, self.goals, self.checked = node, [], []
        self.takes_s, self.error_code, self.keeps_rolling, self.invalid = 0.3, 0, False, []
        self.tells, self.rejects, self.feeds, self.is_free, self.rolls = True, False, True, True, True
        self.speed_m_s = 0.0
        self.stopped_s = 0.0
        group = self._group = ReentrantCallbackGroup()
        self.servers: list[Any] = []
        self.appear()
        node.create_service(IsPathValid, "is_path_valid", self._check, callback_group=group)
        self._publisher = node.create_publisher(Odometry, "odom", 10)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        self.goals.clear()
        self.checked.clear()
        self.takes_s, self.error_code, self.keeps_rolling, self.invalid = 0.3, 0, False, []
        self.tells, self.rejects, self.speed_m_s = True, False, 0.0
        self.feeds = self.is_free = self.rolls = True

    def appear(self) -> None:
        self.servers = [
            DestructibleActionServer(
                self.node, kind, name, self._drive, callback_group=self._group,
                cancel_callback=lambda _: CancelResponse.ACCEPT,
            )
            for kind, name in ((FollowPath, "follow_path"), (NavigateThroughPoses, "navigate_through_poses"))
        ]  # fmt: skip

    def vanish(self) -> None:
        for server in self.servers:
            server.destroy()
        self.servers = []

    def close(self) -> None:
        self._over.set()
        self._thread.join(2.0)

    def _tell(self) -> None:
        while not self._over.wait(0.02):
            message = Odometry()
            message.twist.twist.linear.x = self.speed_m_s
            if self.tells:
                self._publisher.publish(message)

    def _check(self, request: IsPathValid.Request, response: IsPathValid.Response) -> IsPathValid.Response:
        self.checked.append(request.path)
        response.is_valid, response.invalid_pose_indices = self.is_free and not self.invalid, self.invalid
        return response

    def _drive(self, handle: Any) -> Any:
        self.goals.append(handle.request)
        is_path = isinstance(handle.request, FollowPath.Goal)
        kind = FollowPath if is_path else NavigateThroughPoses
        began_s, self.speed_m_s = time.monotonic(), 0.3 if self.rolls else 0.0
        feeds_it = getattr(handle.request, "controller_id", "") != "mute"
        result = kind.Result()
        while (share := (time.monotonic() - began_s) / self.takes_s) < 1.0:
            feedback = kind.Feedback()
            setattr(feedback, "distance_to_goal" if is_path else "distance_remaining", 1.0 - share)
            if not self.servers:
                return result
            if self.feeds and feeds_it:
                handle.publish_feedback(feedback)
            if handle.is_cancel_requested:
                if not self.keeps_rolling:
                    self.speed_m_s = 0.0
                self.stopped_s = time.monotonic()
                handle.canceled()
                return result
            time.sleep(0.02)
        self.speed_m_s = 0.0
        if self.error_code:
            result.error_code, result.error_msg = self.error_code, "as told"
            handle.abort()
        else:
            handle.succeed()
        return result
