"""The part of ROS 2's `launch_ros` that launch files of this package and of its users call, where there is no ROS.

Import names, texts and command lines are those of launch_ros 0.26.6 (Jazzy). Where the real package is installed this
one is on no path.
"""

from launch_ros import actions, parameter_descriptions, substitutions

__all__ = ["actions", "parameter_descriptions", "substitutions"]
