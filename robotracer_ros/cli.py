"""The command line: `robotracer lift`, `robotracer trace`, `robotracer demo` and `robotracer train`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from robotracer_ros.bench.options import ABOUT as _BENCH
from robotracer_ros.bench.options import add_bench
from robotracer_ros.errors import RobotracerError

# numpy and OpenCV take longer to import than --help should: only the command that runs is imported.
_COMMANDS: Final = "robotracer_ros.commands"
# A room of its own.
_BENCH_COMMAND: Final = "robotracer_ros.bench.command"
_TRAIN: Final = "robotracer_ros.training.command"
USAGE_ERROR: Final = 2

_ABOUT: Final = """\
Plain words to metric waypoints: a vision-language model looks at one RGB-D frame and answers with a trace;
this turns it into metres in the camera's frame.

  robotracer demo                     see it work, with ROS 2, on a synthetic table
  robotracer trace ... "put the ..."  ask a model about your own picture, without ROS
  robotracer lift ...                 lift a file of answers that a model gave before
  robotracer bench tabletop           what a model is worth on simulated tables
  robotracer train ...                teach a model the tabletop world
"""

_CAMERA_FORMAT: Final = """\
camera.json, pixels of the picture and metres:
  {"width": 1280, "height": 720, "fx": 631.5, "fy": 631.2, "cx": 638.4, "cy": 366.5,
   "depth_unit_m": 0.001,            one count of the depth PNG; 0.001 (millimetres) when left out
   "invalid_depth": [0, 65535],      counts that mean no reading; 0 always does
   "distortion": {"model": "plumb_bob", "coefficients": [k1, k2, p1, p2, k3]}}   none when left out
Distortion models: plumb_bob (4 or 5 coefficients), rational_polynomial (8, 12 or 14), equidistant (4, a fisheye).
The depth picture is a PNG of one channel and 16 bits, registered to the colour picture.
"""

_LIFT: Final = f"""\
Turn a model's recorded answers into points in metres, in the camera's frame (x right, y down, z forward).

Each line of FILE is a JSON object with the model's words under model_prediction (a benchmark's row) or answer
(a row recorded here), a camera matrix, 3x3 or 4x4, under gt_depth_intrinsics or intrinsics (else: --camera),
and the names of its pictures under image_path and gt_depth_path (uint16 millimetres, 0 for no reading).

RoboTracer's coordinates run from 0 to 1000, so the size of the picture has to be known. It is taken from width
and height in the row; else from the pictures in --data, in FILE's folder or in raw_data below either; else from
--image-size. It is never guessed.

Each line of OUT holds question_id, points_m ([[x, y, z], ...] or null), depth_source (SENSOR, MODEL or
INTERPOLATED for each point), error (null, or code_name and message), and uv, depth_disagreement_m, confidence,
truncated. A row that fails says why and stops no other; the exit status is 1 when none could be lifted.

examples:
  robotracer lift --answers robotracer_3d.jsonl --out points.jsonl
      the model's own depth alone
  robotracer lift --answers robotracer_2d.jsonl --data . --out -
      answers without depth: it comes from the depth pictures in ./raw_data
  robotracer lift --answers recorded.jsonl --camera camera.json --out points.jsonl
      answers recorded here, all through one camera

{_CAMERA_FORMAT}"""

_TRACE: Final = f"""\
Ask a model for a trace in one picture, and print it in metres as JSON: points_m in the camera's frame (x right,
y down, z forward), pixels, depth_m, depth_source, depth_disagreement_m, confidence, the model's reasoning and
answer, and the seconds each stage took.

examples:
  robotracer trace --image color.png --depth depth.png --camera camera.json \\
      --backend query_api --url http://gpu-server:25547 --option shared_dir=/mnt/shared \\
      --overlay overlay.png --ply scene.ply "put the cup on the shelf"
  robotracer trace --image color.png --camera camera.json \\
      --backend replay --answers recorded.jsonl "put the cup on the shelf"
      without a depth camera: the model's depth stands alone

{_CAMERA_FORMAT}"""

_DEMO: Final = """\
Set a simulated table with what the sentence names, publish its camera over ROS 2, and ask the tracer node, whose model
runs in its own process. Shows the model's reasoning, the times of the stages and the waypoints, says by the simulator's
own truth whether they carry out the task, and writes overlay.png and trace.ply. The exit status is 0 when they do, and
1 when they do not.

examples:
  robotracer demo
  robotracer demo "put the red block into the blue bowl"
  robotracer demo --seed 7
      a task that table 7 offers; with a sentence: that one, on table 7
  robotracer demo --truth "push the yellow ball 10 cm to the right"
      the scene's own truth instead of a model
  robotracer demo --rgbd my_frame/ --answers answers.jsonl "put the cup on the shelf"
      recorded answers about a frame of your own: color.png, depth.png and camera.json (see robotracer trace --help)
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser("robotracer", description=_ABOUT, formatter_class=argparse.RawTextHelpFormatter)
    commands = top.add_subparsers(dest="command", metavar="{lift,trace,demo,bench,train}", required=True)
    for name, about, text, add in (
        ("lift", "recorded answers to points in metres", _LIFT, _add_lift),
        ("trace", "one picture and one sentence to a trace", _TRACE, _add_trace),
        ("demo", "see it work, over ROS 2", _DEMO, _add_demo),
        ("bench", "what a model is worth on simulated tables", _BENCH, add_bench),
    ):
        shaped = argparse.RawDescriptionHelpFormatter
        add(commands.add_parser(name, help=about, description=text, formatter_class=shaped))
    # Its options are the settings of the trainings, which need torch: it reads them itself, --help included.
    commands.add_parser("train", help="draw pictures, tune a model, draw its curve", add_help=False)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 2, after the reason on stderr, for anything this package refuses."""
    given, rest = parser().parse_known_args(arguments)
    if rest and given.command != "train":
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if given.command == "train":
            status = int(import_module(_TRAIN).run(rest))
        else:
            status = int(import_module(_room(given.command)).run(given))
        sys.stdout.flush()
        return status
    except RobotracerError as error:
        print(f"robotracer {given.command}: {str(error).rstrip()}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Whoever read the output has seen enough; without this, Python complains once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _room(command: str) -> str:
    return _BENCH_COMMAND if command == "bench" else f"{_COMMANDS}.{command}"


def _add_lift(lift: argparse.ArgumentParser) -> None:
    lift.add_argument("--answers", metavar="FILE", required=True, help="JSON Lines of answers")
    lift.add_argument("--out", metavar="OUT", required=True, help="JSON Lines of points; - for stdout")
    _add_family(lift)
    lift.add_argument("--data", metavar="DIR", help="where the rows' pictures lie, or DIR/raw_data")
    lift.add_argument(
        "--depth",
        choices=("auto", "model", "sensor"),
        default="auto",
        help="whose depth: the model's alone, the depth pictures' alone, or (auto) both with --data and the model's "
        "without",
    )
    lift.add_argument("--camera", metavar="JSON", help="camera.json of the rows that hold no camera matrix")
    lift.add_argument("--image-size", metavar="WxH", type=_size, help="of pictures that are not there, such as 640x480")


def _add_trace(trace: argparse.ArgumentParser) -> None:
    trace.add_argument("instruction", help="what to do, one sentence")
    trace.add_argument("--image", metavar="PNG", required=True, help="the colour picture")
    trace.add_argument("--depth", metavar="PNG", help="the depth picture, where there is a depth camera")
    trace.add_argument("--camera", metavar="JSON", required=True, help="the camera, see above")
    _add_family(trace)
    trace.add_argument(
        "--backend",
        default="transformers_local",
        help="where the model runs: transformers_local (in this process, the default), query_api (a server) or replay",
    )
    trace.add_argument(
        "--model", metavar="PATH", help="of the backend transformers_local: a checkpoint (the one that comes along)"
    )
    trace.add_argument("--answers", metavar="FILE", help="of the backend replay: JSON Lines of recorded answers")
    trace.add_argument("--url", help="of the backend query_api: the server")
    trace.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any other option of the backend, such as record=FILE; a wrong one lists those there are; may be repeated",
    )
    trace.add_argument("--mode", choices=("3d", "2d", "points"), default="3d", help="what the model is asked for (3d)")
    trace.add_argument("--sample", metavar="ID", default="", help="the sample's name, for answers recorded by it")
    trace.add_argument("--timeout", metavar="S", type=float, default=60.0, help="seconds the model may take (60)")
    trace.add_argument("--overlay", metavar="PNG", help="draw the trace over the picture into this file")
    trace.add_argument("--ply", metavar="FILE", help="write the coloured cloud with the trace in it")


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("instruction", nargs="?", default="", help="what to do, one sentence")
    demo.add_argument("--seed", metavar="N", type=_count, help="of the simulated table; else one that suits")
    demo.add_argument("--model", metavar="PATH", default="", help="another checkpoint than the one that comes along")
    demo.add_argument("--truth", action="store_true", help="let the simulated table's own truth answer")
    demo.add_argument("--still", action="store_true", help="ask for the trace alone, without an arm that follows it")
    demo.add_argument("--drive", action="store_true", help="a base in a room instead; the room's own truth answers")
    demo.add_argument("--rgbd", metavar="DIR", help="a real frame, with --answers")
    demo.add_argument("--answers", metavar="FILE", help="JSON Lines of a model's answers about that frame")
    demo.add_argument("--out", metavar="DIR", default=".", help="where the pictures go (here)")
    demo.add_argument("--rviz", action="store_true", help="open RViz too")
    demo.add_argument("--view", action="store_true", help="open a window on the robot at work")


def _add_family(command: argparse.ArgumentParser) -> None:
    command.add_argument("--family", default="robotracer", help="how the model is asked and read (robotracer)")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, received {text!r}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    width, separator, height = text.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, such as 640x480; received {text!r}")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
