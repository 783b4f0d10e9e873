"""A simulated room with a base that drives where it is told: `ros2 launch robotracer_ros demo_nav.launch.py seed:=3`.

`robotracer demo --drive` launches this, asks, and says whether the base arrived.
"""

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
    "seed": ("3", "of the room; ~/reset of sim_node takes another one"),
    "namespace": ("", "namespace of all nodes"),
    "params_file": (str(SHARE / "config" / "demo_base.yaml"), "parameters of all nodes; that file explains them"),
    "backend": ("", 'where the model runs; "" means the one that model or answers belongs to, else transformers_local'),
    "model": ("", 'checkpoint; "" means the one that comes along, which knows tables and no floors'),
    "answers": ("", "recording that the backend replay answers from"),
    "pursuit": ("true", "follow paths with pursuit_node; false leaves that to a Nav2 that runs already"),
    "real_time_factor": ("1.0", "simulated seconds in a second"),
    "rviz": ("false", "open RViz with the image, the depth cloud, the path and the markers"),
    "view": ("false", "open a window on the simulated world"),
}


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if not Path(given["params_file"]).is_file():
        raise RuntimeError(f"params_file: there is no file {given['params_file']}")
    if given["rviz"].lower() in ("true", "1") and "rviz2" not in get_packages_with_prefixes():
        raise RuntimeError("rviz:=true needs the package rviz2, and it is not installed (ros-$ROS_DISTRO-rviz2)")
    if given["view"].lower() in ("true", "1") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise RuntimeError("view:=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
    model = {
        "backend": given["backend"] or ("replay" if given["answers"] else "transformers_local"),
        "transformers_local.model": given["model"],
        "replay.answers": given["answers"],
    }
    world = {"world": "floor", "seed": int(given["seed"]), "real_time_factor": float(given["real_time_factor"])}
    # A machine that is too slow for real time makes the simulation slow, not the robot late.
    parameters = {
        "sim_node": {**world, "publish_clock": True},
        "trace_node": {"use_sim_time": True, **{name: value for name, value in model.items() if value}},
        "motion_node": {"use_sim_time": True},
        "pursuit_node": {"use_sim_time": True},
    }
    if given["pursuit"].lower() not in ("true", "1"):
        parameters.pop("pursuit_node")
    nodes = [
        Node(
            package="robotracer_ros",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=[given["params_file"], values],
            output="screen",
        )
        for name, values in parameters.items()
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        namespace=given["namespace"],
        arguments=["-d", str(SHARE / "rviz" / "tracer.rviz"), "-f", "odom"],
        parameters=[{"use_sim_time": True}],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    view = Node(
        package="robotracer_ros",
        executable="sim_view",
        name="sim_view",
        namespace=given["namespace"],
        output="screen",
        condition=IfCondition(LaunchConfiguration("view")),
    )
    return [*nodes, rviz, view]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
