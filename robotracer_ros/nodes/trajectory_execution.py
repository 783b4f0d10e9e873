"""One trajectory executed: checked, handed over, watched to its end, and stopped when it has to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from moveit_msgs.msg import MoveItErrorCodes
from rclpy.node import Node

from robotracer_ros.errors import MotionError
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.cartesian_group import PlanningGroup
from robotracer_ros.nodes.cartesian_parameters import CartesianParameters
from robotracer_ros.nodes.moveit_errors import CodedError, answered_as
from robotracer_ros.planning.motion_check import MotionRules, require_start, require_whole
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.controller_action import ControllerAction
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.trajectories import trajectory_from_msg
from robotracer_ros.ros.trajectory_output import Braking, Following, TrajectoryTopic

# How often a running motion is looked at, and so how late a stop is seen at most.
_LOOK_S: Final = 0.01
# So late, a controller that has not answered a cancellation is told to rest by the topic too.
_CANCEL_S: Final = 0.1


class TrajectoryExecution:
    """Executes trajectories on a controller's action where there is one, else on the topic ``joint_trajectory``.

    The topic is the second brake: when a controller does not take a cancellation, it is told there to come to rest.
    """

    def __init__(self, node: Node, joint_states: JointStates, controller_action: str) -> None:
        self._clock = node.get_clock()
        self._joint_states = joint_states
        self._topic = TrajectoryTopic(node, joint_states)
        self._action = ControllerAction(node, controller_action) if controller_action else None

    def execute(
        self, message: Any, controller_names: Sequence[str], group: PlanningGroup, parameters: CartesianParameters,
        stop: StopSign,
    ) -> None:  # fmt: skip
        """Let the arm follow a RobotTrajectory to its end.

        Raises:
            CodedError: INVALID_MOTION_PLAN and CONTROL_FAILED before anything moved; TIMED_OUT and CONTROL_FAILED when
                the arm did not follow to the end, and was stopped.
            RobotracerError: the reason of ``stop``; the arm rests.
        """
        self._require_controllers(controller_names)
        trajectory = _read(message, group)
        self._require_start(trajectory, group, parameters)
        stop.obey()
        if len(trajectory.times_s) == 1:  # the arm stands there already
            return
        with answered_as(MoveItErrorCodes.CONTROL_FAILED):
            following = self._begin(message.joint_trajectory, group, parameters)
        began = self._clock.now()
        try:
            self._watch(following, trajectory, parameters, stop, began)
        except BaseException as reason:
            braking = (message.joint_trajectory, group, (self._clock.now() - began).nanoseconds * 1e-9)
            self._bring_to_rest(following, parameters, reason, *braking)
            raise

    def close(self) -> None:
        """Let go of topic and action."""
        self._topic.close()
        if self._action is not None:
            self._action.close()

    def _require_controllers(self, names: Sequence[str]) -> None:
        known = [self._action.name, self._action.name.rpartition("/")[0]] if self._action else [self._topic.name]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise CodedError(
                MoveItErrorCodes.CONTROL_FAILED,
                f"there is no controller {', '.join(unknown)}; accepted: none, {' or '.join(filter(None, known))}",
            )

    def _require_start(
        self, trajectory: JointTrajectory, group: PlanningGroup, parameters: CartesianParameters
    ) -> None:
        with answered_as(MoveItErrorCodes.CONTROL_FAILED):
            current = self._joint_states.positions(trajectory.joint_names, parameters.joint_state_max_age_s)
            rules = MotionRules(start_tolerance_rad=parameters.start_tolerance_rad)
            require_start(trajectory, current, rules, group.robot)

    def _begin(self, message: Any, group: PlanningGroup, parameters: CartesianParameters) -> Following:
        message.header.stamp.sec = message.header.stamp.nanosec = 0  # at once: a plan for later cannot be watched
        if self._action is not None:
            return self._action.begin(message, parameters.controller_timeout_s)
        tolerances = (parameters.goal_tolerance_rad, parameters.rest_speed_rad_s)
        return self._topic.begin(message, _braking(message, group), *tolerances, parameters.controller_timeout_s)

    def _watch(
        self, following: Following, trajectory: JointTrajectory, parameters: CartesianParameters, stop: StopSign,
        began: Any,
    ) -> None:  # fmt: skip
        duration_s = float(trajectory.times_s[-1])
        limit_s = duration_s * parameters.duration_scaling + parameters.duration_margin_s
        while True:
            with answered_as(MoveItErrorCodes.CONTROL_FAILED):
                if following.has_ended():
                    return
                # Whoever moves a robot that tells nothing of itself moves it blindly.
                self._joint_states.readings(trajectory.joint_names, parameters.joint_state_max_age_s)
            if (self._clock.now() - began).nanoseconds * 1e-9 > limit_s:
                raise CodedError(
                    MoveItErrorCodes.TIMED_OUT,
                    f"the arm has not arrived after {limit_s:.2f} s; the trajectory takes {duration_s:.2f} s",
                )
            stop.wait(_LOOK_S)
            stop.obey()

    def _bring_to_rest(
        self, following: Following, parameters: CartesianParameters, reason: BaseException, message: Any,
        group: PlanningGroup, elapsed_s: float,
    ) -> None:  # fmt: skip
        """Stop the arm, by its controller or by the topic, and confirm that it rests."""
        names = tuple(message.joint_names)
        is_heard = self._topic.is_heard
        has_agreed = following.stop(_CANCEL_S if is_heard else parameters.stop_timeout_s)
        if not has_agreed and is_heard:
            self._topic.brake(message, _braking(message, group), elapsed_s)
            has_agreed = True
        rests = self._joint_states.wait_for_rest(names, parameters.rest_speed_rad_s, parameters.stop_timeout_s)
        if has_agreed and rests:
            return
        what = "it was told to stop, and joint_states do not tell that it rests" if has_agreed else "it was not stopped"
        raise CodedError(MoveItErrorCodes.CONTROL_FAILED, f"{reason}; {what}") from reason


def _braking(message: Any, group: PlanningGroup) -> Braking:
    names = tuple(message.joint_names)
    return Braking(group.limits_of(names)[1], group.robot.endless(names))


def _read(message: Any, group: PlanningGroup) -> JointTrajectory:
    """The trajectory of a RobotTrajectory, whole and possible."""
    with answered_as(MoveItErrorCodes.INVALID_MOTION_PLAN):
        if message.multi_dof_joint_trajectory.points:
            raise MotionError("the trajectory moves joints of several degrees of freedom; accepted: joint_trajectory")
        trajectory = trajectory_from_msg(message.joint_trajectory)
        if len(trajectory.times_s) == 1 and sorted(trajectory.joint_names) == sorted(group.tip.joint_names):
            # Where the arm has to be already, or its start is not where the arm is.
            if not np.isfinite(trajectory.positions).all():
                raise MotionError("the only point of the trajectory is not finite")
            return trajectory
        require_whole(trajectory, group.robot, group.tip.joint_names)
    return trajectory
