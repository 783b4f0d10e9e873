"""The servos of the simulated arm: set-points that run to their targets as fast as the joints may go."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.arm_spec import EFFORT_N, FINGERS, GRIPPER, SERVOED


class Servos:
    """Drives the actuators of `arm_spec`; ``finger_joint`` stands for both fingers, half of the gap between them.

    Args:
        urdf: tells how fast each joint may go.
        model: the compiled arm.
        start: positions by joint, radians or metres, where the servos hold at first.
    """

    def __init__(self, urdf: str, model: Any, start: Mapping[str, float]) -> None:
        self.names = (*SERVOED, FINGERS[0])
        self._index = {name: index for index, name in enumerate(self.names)}
        limits = {joint.get("name"): joint.find("limit") for joint in ET.fromstring(urdf).iterfind("joint")}
        speeds = [limit.get("velocity") if (limit := limits[name]) is not None else None for name in self.names]
        self._fastest = np.array([math.inf if speed is None else float(speed) for speed in speeds])
        self._lower, self._upper = np.array([model.joint(name).range for name in self.names]).T
        self._targets = np.array([start[name] for name in self.names])
        self._set_points = self._targets.copy()
        actuators = [model.actuator(name).id for name in (*SERVOED, GRIPPER)]
        self._actuators = np.array(actuators)
        # With its target moved ahead by this times its velocity, a servo's damping holds nothing back.
        self._lead_s = -model.actuator_biasprm[actuators, 2] / model.actuator_gainprm[actuators, 0]
        self._model = model
        self.limit_effort(EFFORT_N)

    def command(self, joints: Mapping[str, float]) -> None:
        """Where joints shall go from now on, radians or metres; what lies beyond their limits is cut off there.

        Raises:
            InvalidRequest: for a joint without a servo, or a number that is not finite; then none of them moves.
        """
        for name, position in joints.items():
            if name not in self._index:
                raise InvalidRequest(f"there is no servo for the joint {name!r}; there are {', '.join(self.names)}")
            if not math.isfinite(position):
                raise InvalidRequest(f"{name} cannot go to {position}; accepted: a finite position")
        for name, position in joints.items():
            self._targets[self._index[name]] = position
        self._targets = np.clip(self._targets, self._lower, self._upper)

    def limit_effort(self, newtons: float) -> None:
        """What each finger presses with at most.

        Raises:
            InvalidRequest: for a number that is not above 0.
        """
        if not (math.isfinite(newtons) and newtons > 0):
            raise InvalidRequest(f"the fingers press with a force above 0 N, received {newtons}")
        most = float(self._model.jnt_actfrcrange[self._model.joint(FINGERS[0]).id, 1])
        self._model.actuator(GRIPPER).forcerange[:] = (-min(newtons, most), min(newtons, most))

    def step(self, data: Any, step_s: float) -> None:
        """Move the set-points on by one step of time, and tell them to the actuators."""
        way = np.clip(self._targets - self._set_points, -self._fastest * step_s, self._fastest * step_s)
        self._set_points += way
        ahead = self._set_points + self._lead_s * (way / step_s)
        # The fingers' actuator knows the whole gap.
        ahead[-1] *= 2.0
        data.ctrl[self._actuators] = ahead
