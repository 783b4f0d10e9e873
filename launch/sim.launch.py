"""Starts sim_node, RViz and a window when asked: `ros2 launch robotracer_ros sim.launch.py --show-args`."""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory, get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("robotracer_ros"))

ARGUMENTS = {
    "namespace": ("", "namespace of the node and of its relative topics"),
    "world": ("tabletop", "what is simulated: tabletop, with an arm, or floor, with a driving base"),
    "seed": ("0", "which scene; ~/reset takes another one later"),
    "split": ("test", "which scenes a tabletop's seeds count: train, validation or test"),
    "rate": ("10.0", "pictures in a simulated second"),
    "width": ("0", "of the picture, pixels; 0 for the scene's own size"),
    "height": ("0", "of the picture, pixels; 0 for the scene's own size"),
    "depth_noise": ("true", "depth with the faults of a stereo camera"),
    "real_time_factor": ("1.0", "simulated seconds in a second; 0 for as many as there can be"),
    "publish_clock": ("false", "publish simulated time on /clock; other nodes then need use_sim_time"),
    "rviz": ("false", "open RViz with the robot, the image and the depth cloud"),
    "view": ("false", "open a window on the simulated world"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
}
NUMBERS = {"seed": int, "width": int, "height": int, "rate": float, "real_time_factor": float}
TRUTHS = ("depth_noise", "publish_clock")
CHOICES = {
    **{name: ["true", "false", "True", "False"] for name in (*TRUTHS, "rviz", "view")},
    "split": ["train", "validation", "test"],
    "log_level": ["debug", "info", "warn", "error", "fatal"],
}


def parameters(given):
    """The node's parameters, each of the type it has there."""
    values = {"world": given["world"], "split": given["split"]}
    for name, kind in NUMBERS.items():
        try:
            values[name] = kind(given[name])
        except ValueError as error:
            raise RuntimeError(f"{name} must be a number, received {given[name]!r}") from error
    return {**values, **{name: given[name].lower() == "true" for name in TRUTHS}}


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if given["rviz"].lower() == "true" and "rviz2" not in get_packages_with_prefixes():
        raise RuntimeError("rviz:=true needs the package rviz2, and it is not installed (ros-$ROS_DISTRO-rviz2)")
    if given["view"].lower() in ("true", "1") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise RuntimeError("view:=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
    namespace = given["namespace"]
    logger = ".".join([*filter(None, namespace.split("/")), "sim_node"])
    return [
        Node(
            package="robotracer_ros",
            executable="sim_node",
            name="sim_node",
            namespace=namespace,
            parameters=[parameters(given)],
            ros_arguments=["--log-level", f"{logger}:={given['log_level']}"],
            output="screen",
        ),
        Node(
            package="rviz2",
            executable="rviz2",
            name="rviz2",
            namespace=namespace,
            arguments=["-d", str(SHARE / "rviz" / "tracer.rviz"), "-f", "base_link"],
            parameters=[{"use_sim_time": given["publish_clock"].lower() == "true"}],
            # The depth cloud takes its intrinsics from there, in any namespace.
            remappings=[("/camera_info", "depth_camera_info")],
            condition=IfCondition(LaunchConfiguration("rviz")),
        ),
        Node(
            package="robotracer_ros",
            executable="sim_view",
            name="sim_view",
            namespace=namespace,
            output="screen",
            condition=IfCondition(LaunchConfiguration("view")),
        ),
    ]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=CHOICES.get(name))
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
