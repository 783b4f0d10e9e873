"""`robotracer bench`: runs a benchmark on a model and prints its figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any, Final

from robotracer_ros.backends import open_backend
from robotracer_ros.backends.deadline import Deadline
from robotracer_ros.backends.options import read_options, takes_option
from robotracer_ros.bench import lifting, tabletop
from robotracer_ros.bench.asking import Asker, Reply
from robotracer_ros.bench.examples import Example, Examples
from robotracer_ros.bench.input_modes import MODES, RICHEST
from robotracer_ros.bench.misses import Misses
from robotracer_ros.families import open_family
from robotracer_ros.sim.catalogue import require_split

# Backends whose option "mode" withholds inputs from the model.
_MODE: Final = "mode"
_MOTION: Final = "motion"
_DRIVING: Final = "driving"


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmark that the arguments name and print its figures.

    Raises:
        RobotracerError: any of its kinds.
    """
    if arguments.benchmark == _DRIVING:
        from robotracer_ros.bench import driving

        return driving.run(arguments)
    families = [name for name in arguments.families.split(",") if name]
    if arguments.benchmark == _MOTION:
        families = families or [*tabletop.PICK_AND_PLACE, "pick_offset"]
    with Examples(require_split(arguments.split), arguments.seed, arguments.resolution, families) as examples:
        # Wrong numbers are refused before a model is loaded.
        examples.first(arguments.n)
        _RUNS[arguments.benchmark](arguments, examples)
    return 0


def _run_tabletop(arguments: argparse.Namespace, examples: Examples) -> None:
    wanted = list(MODES) if "all" in arguments.mode else list(dict.fromkeys(arguments.mode)) or [RICHEST]
    misses = Misses(arguments.out) if arguments.out else None
    by_mode = {}
    for mode in wanted:
        progress = _Progress(mode, arguments.n)

        def watch(example: Example, reply: Reply, mode: str = mode, progress: _Progress = progress) -> None:
            progress.step(reply.verdict.overall)
            if misses is not None:
                misses.add(mode, example, reply)

        with closing(_asker(arguments, mode)) as asker:
            by_mode[mode] = tabletop.run_mode(examples.first(arguments.n), asker, watch)
        progress.end()
    report = tabletop.Report(by_mode)
    _print(arguments, report.described(), f"{_title(arguments)}\n\n{report.in_words()}")


def _run_lifting(arguments: argparse.Namespace, examples: Examples) -> None:
    progress = _Progress("lifting", arguments.n)

    def counted() -> Iterator[Example]:
        for example in examples.first(arguments.n):
            yield example
            progress.step(None)

    with closing(_asker(arguments, RICHEST)) as asker:
        lifted, lost = lifting.compare(counted(), asker)
    progress.end()
    _print(arguments, lifting.described(lifted, lost), f"{_title(arguments)}\n\n{lifting.in_words(lifted, lost)}")


def _run_motion(arguments: argparse.Namespace, examples: Examples) -> None:
    # Kinematics and contacts, which the other benchmarks do without.
    from robotracer_ros.bench import motion
    from robotracer_ros.bench.arm_player import ArmPlayer
    from robotracer_ros.packaged import packaged_file
    from robotracer_ros.sim.arm_world import ArmWorld
    from robotracer_ros.sim.depth_noise import DepthNoise

    progress, attempts = _Progress("motion", arguments.n), []
    with ExitStack() as open_:
        urdf = packaged_file("urdf", "tabletop_arm.urdf")
        world = open_.enter_context(ArmWorld(urdf, size=arguments.resolution, noise=DepthNoise()))
        asker = None if arguments.truth else open_.enter_context(closing(_asker(arguments, RICHEST)))
        bench = motion.MotionBench(world, ArmPlayer(world, motion.RULES), asker)
        for attempt in bench.attempts(examples.first(arguments.n)):
            attempts.append(attempt)
            progress.step(not attempt.cause)
    progress.end()
    _print(arguments, motion.described(attempts), f"{_title(arguments)}\n\n{motion.in_words(attempts)}")


_RUNS: Final[Mapping[str, Callable[[argparse.Namespace, Examples], None]]] = {
    "tabletop": _run_tabletop, "lifting": _run_lifting, _MOTION: _run_motion,
}  # fmt: skip


def _asker(arguments: argparse.Namespace, mode: str) -> Asker:
    family = open_family(arguments.family)
    backend = Deadline(open_backend(arguments.backend, _options(arguments, mode)))
    return Asker(family, backend, mode, getattr(arguments, "lift", "fused"), arguments.timeout)


def _options(arguments: argparse.Namespace, mode: str) -> dict[str, object]:
    """The backend's options: those with a name of their own here, the input mode, and every --option NAME=VALUE."""
    options = {name: getattr(arguments, name) for name in ("model", "answers", "url", "record")}
    if takes_option(arguments.backend, _MODE):
        options[_MODE] = MODES[mode]
    return {
        **{name: value for name, value in options.items() if value is not None},
        **read_options(arguments.backend, arguments.option),
    }


def _title(arguments: argparse.Namespace) -> str:
    model = arguments.model or arguments.answers or arguments.url or "its default model"
    who = "the tasks' own traces" if getattr(arguments, "truth", False) else f"{arguments.backend} with {model}"
    return f"{arguments.benchmark}: {arguments.n} tasks of the split {arguments.split}, seed {arguments.seed}, {who}"


def _print(arguments: argparse.Namespace, described: dict[str, Any], words: str) -> None:
    if arguments.json:
        asked = {name: getattr(arguments, name) for name in ("benchmark", "split", "seed", "backend")}
        print(json.dumps({**asked, **described}, allow_nan=False, indent=2))
    else:
        print(words)


class _Progress:
    """A line on stderr that counts, where somebody watches."""

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count
        self._done = self._right = 0
        self._shown = sys.stderr.isatty()

    def step(self, right: bool | None) -> None:
        self._done += 1
        self._right += bool(right)
        if self._shown:
            counted = "" if right is None else f", {self._right} right"
            print(f"\r{self._name}: {self._done} of {self._count}{counted} ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
