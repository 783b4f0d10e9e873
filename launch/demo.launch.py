"""A simulated table with an arm that does what it is told: `ros2 launch robotracer_ros demo.launch.py seed:=3`."""

import os
from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory, get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("robotracer_ros"))
MOVEIT = SHARE / "config" / "moveit_arm"
PIPELINES = ("ompl", "pilz_industrial_motion_planner")
# What the files in MOVEIT name; ros-$ROS_DISTRO-moveit brings them all.
MOVEIT_PACKAGES = (
    "moveit_ros_move_group", "moveit_kinematics", "moveit_simple_controller_manager", "moveit_planners_ompl",
    "pilz_industrial_motion_planner",
)  # fmt: skip

ARGUMENTS = {
    "seed": ("", 'of the table, which ~/reset of sim_node replaces; "" means that of params_file, else 0'),
    "split": ("", 'which tables the seeds count; "" means that of params_file, else test'),
    "namespace": ("", "namespace of all nodes"),
    "params_file": (str(SHARE / "config" / "demo_arm.yaml"), "parameters of all nodes; the default file explains them"),
    "backend": (
        "",
        'where the model runs; "" means the one that model or answers belongs to, else that of params_file, else '
        "transformers_local",
    ),
    "model": ("", 'checkpoint; "" means that of params_file, else the one that comes along'),
    "answers": ("", 'recording that the backend replay answers from; "" means that of params_file'),
    "contacts": (
        "",
        "which points of a trace touch a surface: ends, or start for what is held at the end; "
        '"" means that of params_file, else ends',
    ),
    "approval": (
        "",
        'true holds each motion until motion_node/approve is called; "" means that of params_file, else false',
    ),
    "planner": (
        "cartesian_path",
        "what plans: cartesian_path_node; MoveIt's move_group with config/moveit_arm; none, for one that runs already",
    ),
    "rviz": ("false", "open RViz with the image, the depth cloud, the path and the markers"),
    "view": ("false", "open a window on the simulated world"),
}
CHOICES = {
    "planner": ["cartesian_path", "move_group", "none"],
    "split": ["", "train", "validation", "test"],
    "approval": ["", "true", "false", "True", "False"],
}


def require(given):
    """Refuse what cannot be started, in words."""
    if not Path(given["params_file"]).is_file():
        raise RuntimeError(f"params_file: there is no file {given['params_file']}")
    if given["seed"] and not given["seed"].isdecimal():
        raise RuntimeError(f"seed must be a whole number from 0, received {given['seed']!r}")
    if given["rviz"].lower() in ("true", "1") and "rviz2" not in get_packages_with_prefixes():
        raise RuntimeError("rviz:=true needs the package rviz2, and it is not installed (ros-$ROS_DISTRO-rviz2)")
    if given["view"].lower() in ("true", "1") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise RuntimeError("view:=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
    missing = [package for package in MOVEIT_PACKAGES if package not in get_packages_with_prefixes()]
    if given["planner"] == "move_group" and missing:
        raise RuntimeError(
            f"planner:=move_group needs {', '.join(missing)}, and that is not installed (ros-$ROS_DISTRO-moveit)"
        )


def as_they_stand(tree):
    """Keep launch from reading texts as YAML: an empty one, and XML."""
    if isinstance(tree, dict):
        return {name: as_they_stand(value) for name, value in tree.items()}
    return ParameterValue(tree, value_type=str) if isinstance(tree, str) else tree


def move_group_parameters():
    """All that MoveIt's move_group wants to know of the arm."""

    def read(name):
        return yaml.safe_load((MOVEIT / f"{name}.yaml").read_text())

    return {
        "robot_description": (SHARE / "urdf" / "tabletop_arm.urdf").read_text(),
        "robot_description_semantic": (MOVEIT / "tabletop_arm.srdf").read_text(),
        "robot_description_kinematics": read("kinematics"),
        "robot_description_planning": {**read("joint_limits"), **read("pilz_cartesian_limits")},
        **read("moveit_controllers"),
        "planning_pipelines": list(PIPELINES),
        "default_planning_pipeline": PIPELINES[0],
        **{name: read(f"{name}_planning") for name in PIPELINES},
        # For RViz's own MoveIt display.
        "publish_robot_description_semantic": True,
        "publish_planning_scene": True,
        "publish_geometry_updates": True,
        "publish_state_updates": True,
        "publish_transforms_updates": True,
    }


def move_group(namespace):
    """MoveIt's node; it has no name here, for a name would be that of its other nodes as well."""
    return Node(
        package="moveit_ros_move_group",
        executable="move_group",
        namespace=namespace,
        parameters=[as_they_stand(move_group_parameters()), {"use_sim_time": True}],
        output="screen",
    )


def windows(namespace):
    """RViz, and the window on the simulated world, each if it is wanted."""
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        namespace=namespace,
        arguments=["-d", str(SHARE / "rviz" / "tracer.rviz"), "-f", "base_link"],
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


def world(given):
    """Which table is asked for; the rest is that of params_file."""
    seed = {"seed": int(given["seed"])} if given["seed"] else {}
    return {**seed, **({"split": given["split"]} if given["split"] else {})}


def model(given):
    """Who is asked to answer, and how it is lifted; the rest is that of params_file."""
    belonging = "replay" if given["answers"] else "transformers_local" if given["model"] else ""
    asked = {
        "backend": given["backend"] or belonging,
        "transformers_local.model": given["model"],
        "replay.answers": given["answers"],
        "lift.contacts": given["contacts"],
    }
    return {name: value for name, value in asked.items() if value}


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    require(given)
    # Simulated time: on a slow machine the arm is slow as well, and nobody loses patience with it.
    parameters = {
        "sim_node": {**world(given), "publish_clock": True},
        "trace_node": model(given),
        "cartesian_path_node": {},
        "motion_node": {"require_approval": given["approval"].lower() == "true"} if given["approval"] else {},
    }
    if given["planner"] != "cartesian_path":
        parameters.pop("cartesian_path_node")
    nodes = [
        Node(
            package="robotracer_ros",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=[given["params_file"], {"use_sim_time": name != "sim_node", **values}],
            output="screen",
            # None of them is of use without the others.
            on_exit=Shutdown(reason=f"{name} ended"),
        )
        for name, values in parameters.items()
    ]
    if given["planner"] == "move_group":
        nodes.append(move_group(given["namespace"]))
    return [*nodes, *windows(given["namespace"])]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=CHOICES.get(name))
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
