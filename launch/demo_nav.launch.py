"""A simulated room with a base that drives where it is told: `ros2 launch robotracer_ros demo_nav.launch.py seed:=3`.

`robotracer demo --drive` launches this, asks, and says whether the base arrived.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory, get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("robotracer_ros"))
NAV2_FILE = SHARE / "config" / "nav2_base" / "nav2_params.yaml"
# What NAV2_FILE names; ros-$ROS_DISTRO-navigation2 brings them all.
NAV2_PACKAGES = ("nav2_controller", "nav2_regulated_pure_pursuit_controller", "nav2_lifecycle_manager")

ARGUMENTS = {
    "seed": ("3", 'of the room, which ~/reset of sim_node replaces; "" means that of params_file'),
    "namespace": ("", "namespace of all nodes"),
    "params_file": (str(SHARE / "config" / "demo_base.yaml"), "parameters of all nodes; that file explains them"),
    "backend": (
        "",
        'where the model runs; "" means the one that model or answers belongs to, else that of params_file, else '
        "transformers_local",
    ),
    "model": ("", 'checkpoint; "" means that of params_file, else the one that comes along, which knows no floors'),
    "answers": ("", 'recording that the backend replay answers from; "" means that of params_file'),
    "follower": (
        "pursuit",
        "what follows paths: pursuit_node; nav2, its controller with config/nav2_base; none, for one that runs already",
    ),
    "real_time_factor": ("", 'simulated seconds in a second; "" means that of params_file, else 1.0'),
    "rviz": ("false", "open RViz with the image, the depth cloud, the path and the markers"),
    "view": ("false", "open a window on the simulated world"),
}
NUMBERS = {"seed": int, "real_time_factor": float}
CHOICES = {"follower": ["pursuit", "nav2", "none"]}


def require(given):
    """Refuse what cannot be started, in words."""
    if not Path(given["params_file"]).is_file():
        raise RuntimeError(f"params_file: there is no file {given['params_file']}")
    if given["rviz"].lower() in ("true", "1") and "rviz2" not in get_packages_with_prefixes():
        raise RuntimeError("rviz:=true needs the package rviz2, and it is not installed (ros-$ROS_DISTRO-rviz2)")
    if given["view"].lower() in ("true", "1") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise RuntimeError("view:=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
    missing = [package for package in NAV2_PACKAGES if package not in get_packages_with_prefixes()]
    if given["follower"] == "nav2" and missing:
        raise RuntimeError(
            f"follower:=nav2 needs {', '.join(missing)}, and that is not installed (ros-$ROS_DISTRO-navigation2)"
        )


def nav2(namespace):
    """Nav2's controller, and what brings it up; without names, for those would be its costmap's as well."""
    return [
        Node(
            package=package,
            executable=executable,
            namespace=namespace,
            parameters=[str(NAV2_FILE), {"use_sim_time": True}],
            output="screen",
        )
        for package, executable in (
            ("nav2_controller", "controller_server"),
            ("nav2_lifecycle_manager", "lifecycle_manager"),
        )
    ]


def windows(namespace):
    """RViz, and the window on the simulated world, each if it is wanted."""
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        namespace=namespace,
        arguments=["-d", str(SHARE / "rviz" / "tracer.rviz"), "-f", "odom"],
        parameters=[{"use_sim_time": True}],
        # The depth cloud takes its intrinsics from there, in any namespace.
        remappings=[("/camera_info", "depth_camera_info")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    view = Node(
        package="robotracer_ros",
        executable="sim_view",
        name="sim_view",
        namespace=namespace,
        output="screen",
        condition=IfCondition(LaunchConfiguration("view")),
    )
    return [rviz, view]


def numbers(given):
    """What is asked of the room; the rest is that of params_file."""
    asked = {}
    for name, kind in NUMBERS.items():
        try:
            asked |= {name: kind(given[name])} if given[name] else {}
        except ValueError as error:
            raise RuntimeError(f"{name} must be a number, received {given[name]!r}") from error
    return asked


def model(given):
    """Who is asked to answer; the rest is that of params_file."""
    belonging = "replay" if given["answers"] else "transformers_local" if given["model"] else ""
    asked = {
        "backend": given["backend"] or belonging,
        "transformers_local.model": given["model"],
        "replay.answers": given["answers"],
    }
    return {name: value for name, value in asked.items() if value}


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    require(given)
    # A machine that is too slow for real time makes the simulation slow, not the robot late.
    parameters = {
        "sim_node": {"world": "floor", **numbers(given), "publish_clock": True},
        "trace_node": {"use_sim_time": True, **model(given)},
        "motion_node": {"use_sim_time": True},
        "pursuit_node": {"use_sim_time": True},
    }
    if given["follower"] != "pursuit":
        parameters.pop("pursuit_node")
    nodes = [
        Node(
            package="robotracer_ros",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=[given["params_file"], values],
            output="screen",
            # None of them is of use without the others.
            on_exit=Shutdown(reason=f"{name} ended"),
        )
        for name, values in parameters.items()
    ]
    if given["follower"] == "nav2":
        nodes += nav2(given["namespace"])
    return [*nodes, *windows(given["namespace"])]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=CHOICES.get(name))
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
