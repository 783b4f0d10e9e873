"""What a launch file may ask for about nodes, one action per file."""

from launch_ros.actions.node import Node
from launch_ros.actions.push_ros_namespace import PushROSNamespace, PushRosNamespace
from launch_ros.actions.set_parameter import SetParameter
from launch_ros.actions.set_remap import SetRemap

__all__ = ["Node", "PushROSNamespace", "PushRosNamespace", "SetParameter", "SetRemap"]
