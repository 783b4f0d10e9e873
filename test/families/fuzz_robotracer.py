"""Generated answers into RoboTracer's reader: ``python test/families/fuzz_robotracer.py --n 200000 --seed 1``.

Every answer starts as a trace written in one of the forms that models use. A fifth of them stay so, and must be read
back exactly; the others are damaged by random edits. The program prints how many ended how, and exits with 1 when an
exception outside the package's tree, a coordinate outside [0, 1], a depth that is not above 0 or a wrong point occurs.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from robotracer_ros.errors import AnswerError
from robotracer_ros.families import ModelFamily, open_family
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer

UNITS = {"": 1.0, "m": 1.0, " meters": 1.0, "cm": 0.01, " cm": 0.01, "mm": 0.001, " in": 0.0254, "ft": 0.3048}
SNIPPETS = [
    "[", "]", "(", ")", "{", "}", ",", ", ", ";", ".", "-", "+", "e", "E9", "1e400", "nan", "inf", "-inf", "NaN",
    "0", "0.0", "00", ".5", "5.", "1.2.3", "9" * 60, "<think>", "</think>", "<answer>", "</answer>", "```json\n", "```",
    '"', "'", "\n", "\x00", "\u0661\u0662", "\uff13", "\u2212", "\ud800", "m", " cm", "ft", "None", "...", "[]", "()",
    "[[", "))", "Step1:", "[Scale] [Scene]: ", "[Position] [cup]: [(1, 2, 3)]", "I cannot see it.", "(1, 2)",
    "[1, 2, 3]", "(1004, -3, 1.2)", "(500, 400, 0.0)", "(5, 5, -1)", "[(1, 2, 3, 4)]", "'label'", '"point_2d": ',
    "-> ", "1. ", "\\", "%s", "{0}", "__import__('os')",
]  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What became of the answers."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def written_points(rng: random.Random) -> tuple[str, np.ndarray]:
    """A list of points in one of the forms accepted, and its (N, 3) u, v in [0, 1] and metres or NaN."""
    count = rng.choice([1, 2, 3, 6, 8, 9, 12])
    with_depth = rng.random() < 0.7
    unit = rng.choice(list(UNITS)) if rng.random() < 0.3 else ""
    gap = rng.choice(["", " ", "  ", "\n"])
    pair = rng.choice(["()", "[]"])
    tuples, uvd = [], []
    for _ in range(count):
        u, v = rng.randint(0, 1000), rng.randint(0, 1000)
        numbers = [str(u) + rng.choice(["", ".0"]), f"{v}"]
        depth_m = math.nan
        if with_depth:
            digits = f"{rng.uniform(0.01, 9):.3f}"
            numbers.append(digits.removeprefix("0") + unit)
            depth_m = float(digits) * UNITS[unit]
        tail = rng.choice(["", "", "", ","])
        tuples.append(pair[0] + rng.choice(["", " "]) + f",{gap}".join(numbers) + tail + pair[1])
        uvd.append((u / 1000, v / 1000, depth_m))
    listed = f",{gap}".join(tuples)
    if pair == "()" and rng.random() < 0.2:
        return listed, np.array(uvd)
    return f"[{listed}{rng.choice(['', ','])}]", np.array(uvd)


def written_answer(rng: random.Random) -> tuple[str, np.ndarray]:
    """A whole answer, with or without reasoning and tags around its list, and what is to be read from it."""
    listed, uvd = written_points(rng)
    kinds = ["Referring", "Position", "Measuring", "Scale", "Orientation"]
    values = ["[(120, 340, 0.9)]", "(1, 2, 3)", "20 centimeters", "0.104m", "2.342", "[(2000, 1, 1)]", ""]
    steps = [
        f"Step{number}: [{rng.choice(kinds)}] [thing {number}]: {rng.choice(values)}"
        for number in range(1, rng.randint(1, 9))
    ]
    thought = f"<think> {' '.join(steps)} </think>"
    frame = rng.choice(["{}", "{}", "<answer> {} </answer>", "{}\n", "```json\n{}\n```", "<answer>{}"])
    return rng.choice(["", "", thought, thought.removeprefix("<think>")]) + frame.replace("{}", listed), uvd


def damaged(rng: random.Random, text: str) -> str:
    """``text`` after one to eight random edits."""
    for _ in range(rng.randint(1, 8)):
        place, other = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:place] + rng.choice(SNIPPETS) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + rng.randint(1, 3) :]
        elif kind == 2:
            text = text[:place] + chr(rng.choice([rng.randrange(128), rng.randrange(0x3000)])) + text[place + 1 :]
        elif kind == 3:
            text = text[:other]
        elif kind == 4 and len(text) < 20_000:
            text = text[:other] + text[place:other] * rng.choice([1, 1, 2, 40]) + text[other:]
        else:
            text = text[:place] + text[other:]
    return text


def wrong_in(trace: VisualTrace, text: str, intact: np.ndarray | None) -> str:
    """What is wrong with a trace that was read, "" when nothing is."""
    inside = [trace.uv, *(step.uvd[:, :2] for step in trace.reasoning)]
    if not all(((uv >= 0) & (uv <= 1)).all() for uv in inside):
        return "a point outside [0, 1]"
    depths = [step.uvd[:, 2] for step in trace.reasoning] + ([] if trace.depth_m is None else [trace.depth_m])
    if not all((np.isnan(depth) | ((depth > 0) & np.isfinite(depth))).all() for depth in depths):
        return "a depth that is not above 0"
    if intact is None:
        return ""
    depth_m = np.full(len(trace), np.nan) if trace.depth_m is None else trace.depth_m
    read = np.column_stack([trace.uv, depth_m])
    same = read.shape == intact.shape and np.allclose(read, intact, rtol=0, atol=1e-12, equal_nan=True)
    return "" if same else "other points than were written"


def fuzz(count: int, seed: int) -> Tally:
    """Read ``count`` answers generated from ``seed``."""
    rng = random.Random(seed)
    family: ModelFamily = open_family("robotracer")
    tally = Tally()
    for number in range(count):
        text, uvd = written_answer(rng)
        intact = uvd if number % 5 == 0 else None
        if intact is None:
            text = damaged(rng, text)
        started = time.perf_counter()
        outcome, wrong = _outcome(family, text, intact)
        tally.slowest_s = max(tally.slowest_s, time.perf_counter() - started)
        tally.outcomes[outcome] += 1
        if wrong:
            tally.failures.append(f"answer {number}: {wrong}: {text[:2000]!r}")
    return tally


def _outcome(family: ModelFamily, text: str, intact: np.ndarray | None) -> tuple[str, str]:
    answer = ModelAnswer(text, "fuzz", 0.0)
    try:
        if not isinstance(family.read_length_m(answer), float):
            return "length", "a length that is no float"
        trace = family.read(answer)
    except AnswerError as error:
        return type(error).__name__, "" if intact is None else f"refused though well written: {error}"
    except Exception as error:  # noqa: BLE001 - finding these is what this program is for
        return f"FOREIGN {type(error).__name__}", f"{type(error).__name__}: {error}"
    kind = "read whole" if intact is not None else "read truncated" if trace.truncated else "read"
    return kind, wrong_in(trace, text, intact)


def main() -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=200_000, help="how many answers to generate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="where the random numbers start (default: %(default)s)")
    options = parser.parse_args()
    started = time.perf_counter()
    tally = fuzz(options.n, options.seed)
    seconds = time.perf_counter() - started
    print(f"{options.n} answers, seed {options.seed}, {seconds:.1f} s, the slowest {1000 * tally.slowest_s:.1f} ms")
    for outcome, count in tally.outcomes.most_common():
        print(f"{count:9d}  {outcome}")
    for failure in tally.failures[:20]:
        print(failure.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
    print(f"{len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
