"""Starts trace_node for a camera, and RViz when asked: `ros2 launch robotracer_ros tracer.launch.py --show-args`."""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory, get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("robotracer_ros"))
CAMERAS = yaml.safe_load((SHARE / "config" / "cameras.yaml").read_text())
TOPICS = ("image", "depth", "camera_info", "depth_camera_info")

ARGUMENTS = {
    "params_file": (str(SHARE / "config" / "tracer.yaml"), "parameters of trace_node; the default file explains them"),
    "namespace": ("", "namespace of the node and of its relative topics"),
    "use_sim_time": ("false", "take the time from /clock: for simulation, and for bags played with --clock"),
    "camera": ("generic", f"preset that fills in the topics: {', '.join(CAMERAS)}"),
    "image_topic": ("", 'colour image; "" means the preset\'s'),
    "depth_topic": ("", 'depth image; "" means the preset\'s'),
    "camera_info_topic": ("", 'intrinsics of the colour image; "" means the preset\'s'),
    "depth_camera_info_topic": ("", 'intrinsics of depth that is not registered to colour; "" means the preset\'s'),
    "target_frame": ("", 'frame of the answers, such as base_link; "" means that of params_file'),
    "backend": (
        "",
        'where the model runs: transformers_local, query_api or replay; "" means the one that model, url or answers '
        "belongs to, else that of params_file",
    ),
    "model": ("", 'checkpoint that the backend transformers_local loads; "" means that of params_file'),
    "device": ("", 'of that backend: auto, cpu, cuda or cuda:N; "" means that of params_file'),
    "mode": ("", 'cues that backend gives a RoboTracer, such as RGB+encoder; "" means that of params_file'),
    "answers": ("", 'recording that the backend replay answers from; "" means that of params_file'),
    "url": ("", 'model server that the backend query_api asks; "" means that of params_file'),
    "dialect": ("", 'of that server, robotracer or roborefer; "" means that of params_file'),
    "shared_dir": ("", 'folder that a robotracer server sees under the same path; "" means that of params_file'),
    "rviz": ("false", "open RViz with the image, the depth cloud, the path and the markers"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
}

# Each belongs to one backend, so that naming it names the backend.
BACKEND_OF = {"model": "transformers_local", "url": "query_api", "answers": "replay"}
CHOICES = {"use_sim_time": ["true", "false", "True", "False"], "log_level": ["debug", "info", "warn", "error", "fatal"]}


def check(given):
    """Refuse now what would end launch with a process already running, or be passed over with a warning."""
    if given["camera"] not in CAMERAS:
        raise RuntimeError(f"there is no camera preset {given['camera']!r}; there are {', '.join(CAMERAS)}")
    if not Path(given["params_file"]).is_file():
        raise RuntimeError(f"params_file: there is no file {given['params_file']}")
    if given["rviz"].lower() in ("true", "1") and "rviz2" not in get_packages_with_prefixes():
        raise RuntimeError("rviz:=true needs the package rviz2, and it is not installed (ros-$ROS_DISTRO-rviz2)")


def backend_of(given):
    """The backend that is asked for, by name or by what belongs to it; "" for that of params_file."""
    named = [name for name in BACKEND_OF if given[name]]
    if not given["backend"] and len(named) > 1:
        raise RuntimeError(f"{' and '.join(named)} belong to different backends; say which with backend:=")
    return given["backend"] or (BACKEND_OF[named[0]] if named else "")


def depth_info(given, preset):
    """The intrinsics of depth; that of a camera given by its topics is aligned to colour unless they say otherwise."""
    named = given["depth_camera_info_topic"] or (given["camera"] != "generic" and preset["depth_camera_info_topic"])
    return named or given["camera_info_topic"] or preset["camera_info_topic"]


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    check(given)
    preset = CAMERAS[given["camera"]]
    remappings = [(topic, given[f"{topic}_topic"] or preset[f"{topic}_topic"]) for topic in TOPICS]
    overruled = {
        "target_frame": given["target_frame"],
        "backend": backend_of(given),
        "transformers_local.model": given["model"],
        "transformers_local.device": given["device"],
        "transformers_local.mode": given["mode"],
        "replay.answers": given["answers"],
        "query_api.url": given["url"],
        "query_api.dialect": given["dialect"],
        "query_api.shared_dir": given["shared_dir"],
    }
    parameters = {
        "use_sim_time": LaunchConfiguration("use_sim_time"),
        **preset.get("parameters", {}),
        **{name: value for name, value in overruled.items() if value},
    }
    namespace = given["namespace"]
    # Of this node alone: at debug, rcl and the middleware would drown it.
    logger = ".".join([*filter(None, namespace.split("/")), "trace_node"])
    fixed_frame = ["-f", given["target_frame"]] if given["target_frame"] else []
    return [
        Node(
            package="robotracer_ros",
            executable="trace_node",
            name="trace_node",
            namespace=namespace,
            parameters=[given["params_file"], parameters],
            remappings=remappings,
            ros_arguments=["--log-level", f"{logger}:={given['log_level']}"],
            output="screen",
        ),
        Node(
            package="rviz2",
            executable="rviz2",
            name="rviz2",
            namespace=namespace,
            arguments=["-d", str(SHARE / "rviz" / "tracer.rviz"), *fixed_frame],
            parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
            # The depth cloud takes its intrinsics from there, in any namespace. The first rule that fits holds.
            remappings=[("/camera_info", depth_info(given, preset)), *remappings],
            condition=IfCondition(LaunchConfiguration("rviz")),
        ),
    ]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=CHOICES.get(name))
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
