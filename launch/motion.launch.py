"""Starts motion_node for a real robot, and its stand-ins for MoveIt or Nav2 when asked; `--show-args` explains."""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("robotracer_ros"))
CAMERAS = yaml.safe_load((SHARE / "config" / "cameras.yaml").read_text())
TOPICS = ("image", "depth", "camera_info", "depth_camera_info")

ARGUMENTS = {
    "params_file": (
        str(SHARE / "config" / "motion.yaml"),
        "parameters of motion_node; the default explains them, motion_moveit.yaml and motion_nav2.yaml are examples",
    ),
    "namespace": ("", "namespace of the nodes and of their relative topics"),
    "use_sim_time": ("false", "take the time from /clock"),
    "camera": ("generic", f"preset that fills in the topics: {', '.join(CAMERAS)}"),
    "image_topic": ("", 'colour image; "" means the preset\'s'),
    "depth_topic": ("", 'depth image; "" means the preset\'s'),
    "camera_info_topic": ("", 'intrinsics of the colour image; "" means the preset\'s'),
    "depth_camera_info_topic": ("", 'intrinsics of depth that is not registered to colour; "" means the preset\'s'),
    "allow_execution": ("", 'true lets goals move the robot; "" means that of params_file, which is false by default'),
    "require_approval": ("", 'true holds each motion until ~/approve is called; "" means that of params_file'),
    "cartesian": ("false", "start cartesian_path_node, for an arm that has a URDF and no MoveIt"),
    "cartesian_params_file": (str(SHARE / "config" / "cartesian_path.yaml"), "its parameters"),
    "pursuit": ("false", "start pursuit_node, for a base without Nav2"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
}
TRUTHS = ("true", "false", "True", "False")
CHOICES = {
    **dict.fromkeys(("use_sim_time", "cartesian", "pursuit"), TRUTHS),
    **dict.fromkeys(("allow_execution", "require_approval"), ("", *TRUTHS)),
    "log_level": ["debug", "info", "warn", "error", "fatal"],
}


def holds(given, name):
    """Whether that argument says true."""
    return given[name].lower() == "true"


def start(context):
    """Build the nodes, once the arguments are known."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if given["camera"] not in CAMERAS:
        raise RuntimeError(f"there is no camera preset {given['camera']!r}; there are {', '.join(CAMERAS)}")
    for name in ("params_file", "cartesian_params_file"):
        if not Path(given[name]).is_file():
            raise RuntimeError(f"{name}: there is no file {given[name]}")
    preset, shared = CAMERAS[given["camera"]], {"use_sim_time": LaunchConfiguration("use_sim_time")}
    overruled = {name: holds(given, name) for name in ("allow_execution", "require_approval") if given[name]}
    remappings = [(topic, given[f"{topic}_topic"] or preset[f"{topic}_topic"]) for topic in TOPICS]
    camera = preset.get("parameters", {})
    wanted = [("motion_node", [given["params_file"], {**shared, **camera, **overruled}], remappings)]
    if holds(given, "cartesian"):
        wanted.append(("cartesian_path_node", [given["cartesian_params_file"], shared], []))
    if holds(given, "pursuit"):
        wanted.append(("pursuit_node", [shared], []))
    # Of these nodes alone: at debug, rcl and the middleware would drown them.
    namespace = ".".join(filter(None, given["namespace"].split("/")))
    return [
        Node(
            package="robotracer_ros",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=parameters,
            remappings=remapped,
            ros_arguments=["--log-level", f"{'.'.join(filter(None, (namespace, name)))}:={given['log_level']}"],
            output="screen",
        )
        for name, parameters, remapped in wanted
    ]


def generate_launch_description():
    """Declare the arguments, then start."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=CHOICES.get(name))
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])
