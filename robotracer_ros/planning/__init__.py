"""From a spatial trace to a checked path of poses."""

from robotracer_ros.planning.path import PosePath, Violation, ViolationKind
from robotracer_ros.planning.plan import plan_path
from robotracer_ros.planning.settings import PathSettings

__all__ = ["PathSettings", "PosePath", "Violation", "ViolationKind", "plan_path"]
