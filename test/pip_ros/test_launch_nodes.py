"""A real rclpy node, started by the stand-in, gets the name, parameters and remappings that a launch file gives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not on the path")

import launch

ROOT = Path(__file__).resolve().parents[2]
ROS2 = ROOT / "pip_ros" / "bin" / "ros2"

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)

NODE = f"""#!{sys.executable}
import json
import rclpy
rclpy.init()
node = rclpy.create_node("unnamed", automatically_declare_parameters_from_overrides=True)
values = {{name: p.value for name, p in node.get_parameters_by_prefix("").items()}}
lists = {{name: v if isinstance(v, (bool, int, float, str)) else list(v) for name, v in values.items()}}
lists.pop("start_type_description_service", None)
print("seen", json.dumps([node.get_fully_qualified_name(), node.resolve_topic_name("image"), lists]), flush=True)
"""
LAUNCH_FILE = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace, SetParameter, SetRemap
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

V = LaunchConfiguration('v')

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument('v', default_value='[1, 2]'),
        GroupAction([
            PushRosNamespace('robot'), SetParameter('use_sim_time', True), SetParameter('of_group', [0.5, 1.5]),
            SetRemap('image', '/from/group'),
            Node(
                package='demo', executable='node', name='cam', namespace='left', output='screen',
                remappings=[('image', '/from/node')],
                parameters=[
                    'params.yaml',
                    ParameterFile('placeholders.yaml', allow_substs=True),
                    {
                        'a': {'b': 1, 'c': {'d': 'e'}}, 'ints': [1, 2], 'mixed': [1, 2.5], 'texts': ['a', '5'],
                        'five': '5', 'yaml': V, 'text': ParameterValue(V, value_type=str), 'bools': [True, False],
                        'lines': 'one\\ntwo', 'umlaut': '\\u00e4', 'of_file': 'overruled',
                    },
                ],
            ),
        ]),
    ])
"""


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder with the launch file and its parameter files, and the prefix of the package `demo` at once."""
    (tmp_path / "share/ament_index/resource_index/packages").mkdir(parents=True)
    (tmp_path / "share/ament_index/resource_index/packages/demo").touch()
    (tmp_path / "lib/demo").mkdir(parents=True)
    (tmp_path / "lib/demo/node").write_text(NODE)
    (tmp_path / "lib/demo/node").chmod(0o755)
    (tmp_path / "a.launch.py").write_text(LAUNCH_FILE)
    (tmp_path / "params.yaml").write_text("/**:\n  ros__parameters: {of_file: 1, only_in_file: [x, z]}\n")
    (tmp_path / "placeholders.yaml").write_text("/**:\n  ros__parameters: {placeholder: $(var v)}\n")
    return tmp_path


def test_a_node_gets_what_the_launch_file_says(demo: Path) -> None:
    places = os.pathsep.join([str(demo), os.environ.get("AMENT_PREFIX_PATH", "")])
    done = subprocess.run(
        [sys.executable, str(ROS2), "launch", "a.launch.py"],
        env={**os.environ, "AMENT_PREFIX_PATH": places, "ROS_LOG_DIR": str(demo / "log")},
        cwd=demo,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert "[node-1] seen " in done.stdout, done.stdout + done.stderr
    (seen,) = [line for line in done.stdout.splitlines() if line.startswith("[node-1] seen ")]
    name, topic, parameters = json.loads(seen.removeprefix("[node-1] seen "))
    assert name == "/robot/left/cam"
    assert topic == "/from/group"
    assert parameters == {
        "use_sim_time": True,
        "of_group": [0.5, 1.5],
        "of_file": "overruled",
        "only_in_file": ["x", "z"],
        "placeholder": [1, 2],
        "a.b": 1,
        "a.c.d": "e",
        "ints": [1, 2],
        "mixed": [1.0, 2.5],
        "texts": ["a", "5"],
        "five": "5",
        "yaml": [1, 2],
        "text": "[1, 2]",
        "bools": [True, False],
        "lines": "one\ntwo",
        "umlaut": "\u00e4",
    }
