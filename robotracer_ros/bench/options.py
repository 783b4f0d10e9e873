"""The command line of `robotracer bench`; it imports nothing that takes time."""

from __future__ import annotations

import argparse
from typing import Any, Final

from robotracer_ros.bench.input_modes import LIFTS, MODES, RICHEST

ABOUT: Final = """\
Ask a model about simulated tables that it never saw, and judge its answers by the simulator's truth: does the trace
start within 2 cm of the named object, end within 3 cm of where it belongs, and touch nothing on its way? Does a point
lie where it should, is a length right to a tenth? Every task counts, an answer that cannot be used as a wrong one.

examples:
  robotracer bench tabletop
      200 tasks for the model that comes with this package, with intrinsics and depth
  robotracer bench tabletop --mode all --json > figures.json
      each of the four input modes
  robotracer bench tabletop --n 24 --out misses/ --record answers.jsonl
      a quick look: pictures of what went wrong, and the answers for later
  robotracer bench tabletop --n 24 --backend replay --answers answers.jsonl
      judge the recorded answers again
  robotracer bench lifting --n 100
      the sensor's depth fused with the model's, against the model's alone
  robotracer bench motion --n 20
      the simulated arm does it, and the simulator says whether it came true
"""

_LIFTING: Final = """\
Lift a model's answers twice, with the depth camera's readings and by the model's own depth alone, and show how far the
points lie from the truth in centimetres: at the start, between the contacts, at the end.

examples:
  robotracer bench lifting --n 100
"""

_MOTION: Final = """\
Let the simulated arm do what the sentences say, with contacts, and let the simulator judge what came to rest where.
Each failure is put down to one stage: the model's trace, lifting it to metres, planning, or the motion itself.

examples:
  robotracer bench motion --n 20
      with the model that comes with this package
  robotracer bench motion --n 20 --truth
      with the tasks' own traces: what planning and motion are worth by themselves
"""


def add_bench(bench: argparse.ArgumentParser) -> None:
    """Give a parser the benchmarks and their options."""
    names = bench.add_subparsers(dest="benchmark", metavar="{tabletop,lifting,motion,driving}", required=True)
    shaped = argparse.RawDescriptionHelpFormatter
    tabletop = names.add_parser(
        "tabletop", help="tasks on a simulated table", description=ABOUT, formatter_class=shaped
    )
    _add_shared(tabletop)
    tabletop.add_argument(
        "--mode", action="append", choices=(*MODES, "all"), default=[],
        help=f"what the model gets beside the words ({RICHEST}); may be repeated",
    )  # fmt: skip
    tabletop.add_argument(
        "--lift", choices=LIFTS, default="fused",
        help=f"in the mode {RICHEST}: the sensor's depth with the model's, or the model's alone (fused)",
    )  # fmt: skip
    tabletop.add_argument("--out", metavar="DIR", help="write a picture of each miss there, and all in examples.jsonl")
    lifting = names.add_parser(
        "lifting", help="what fusing depth is worth", description=_LIFTING, formatter_class=shaped
    )
    _add_shared(lifting)
    motion = names.add_parser(
        "motion", help="what the simulated arm makes of it", description=_MOTION, formatter_class=shaped
    )
    _add_shared(motion, count=20)
    _add_driving(names)
    motion.add_argument("--truth", action="store_true", help="follow the tasks' own traces instead of a model's")


def _add_driving(names: Any) -> None:
    driving = names.add_parser(
        "driving", help="what the simulated base makes of true traces",
        description="Drive true traces through lifting, planning and pursuit, and see where the base stops.",
    )  # fmt: skip
    driving.add_argument("--n", type=int, default=20, help="how many rides (20)")
    driving.add_argument("--seed", type=int, default=0, help="of the first room (0)")
    driving.add_argument(
        "--errand", default="drive to the left of the green box and stop there",
        help='the sentence, on the rooms that allow it; "" for some errand in each room',
    )  # fmt: skip
    driving.add_argument("--json", action="store_true", help="print JSON in place of tables")


def _add_shared(command: argparse.ArgumentParser, count: int = 200) -> None:
    command.add_argument("--split", default="test", help="whose scenes: train, validation, test (test)")
    command.add_argument("--n", type=int, default=count, help=f"how many tasks, the families in turn ({count})")
    command.add_argument("--seed", type=int, default=0, help="another one gives other scenes (0)")
    command.add_argument(
        "--families", metavar="NAME,NAME", default="", help="only tasks of these families; a wrong one lists them"
    )
    command.add_argument(
        "--resolution", metavar="WxH", type=_size, help="of all pictures; each camera has its own when left out"
    )
    command.add_argument("--family", default="robotracer", help="how the model is asked and read (robotracer)")
    command.add_argument("--backend", default="transformers_local", help="where the model runs (transformers_local)")
    command.add_argument("--model", metavar="NAME|PATH", help="of the backend transformers_local: the checkpoint")
    command.add_argument("--answers", metavar="FILE", help="of the backend replay: JSON Lines of recorded answers")
    command.add_argument("--url", help="of the backend query_api: the server")
    command.add_argument(
        "--option", metavar="NAME=VALUE", action="append", default=[],
        help="any other option of the backend; a wrong one lists those there are; may be repeated",
    )  # fmt: skip
    command.add_argument("--record", metavar="FILE", help="append the answers, for the backend replay")
    command.add_argument("--timeout", metavar="S", type=float, default=60.0, help="seconds an answer may take (60)")
    command.add_argument("--json", action="store_true", help="print JSON in place of tables")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, such as 640x480; received {text!r}")
    return int(width), int(height)
