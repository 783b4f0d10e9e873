"""What the demonstration prints and writes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from robotracer_ros.action import FollowTrace
from robotracer_ros.geometry.cloud import observed_points, write_ply
from robotracer_ros.geometry.trace import DepthSource
from robotracer_ros.msg import SpatialTrace
from robotracer_ros.nodes.demo_scene import Shown
from robotracer_ros.nodes.demo_verdict import Finding
from robotracer_ros.overlay import colour_ramp
from robotracer_ros.rgbd_files import write_rgb
from robotracer_ros.ros.convert import spatial_trace_from_msg
from robotracer_ros.srv import GetTrace

_STAGES: Final = {
    "observe": "a matching pair of images, decoded",
    "transform": "TF at the image's stamp",
    "answer": "the model",
    "lift": "words to metres",
    "plan": "metres to a path",
}
_INDENT: Final = " " * 14
_BOLD, _DIM, _GREEN, _RED = "1", "2", "1;32", "1;31"


def tell_beginning(shown: Shown) -> None:
    """What is seen and asked, a line each."""
    for heading, line in shown.told.items():
        wrapped = textwrap.fill(line, _width(), initial_indent=_INDENT, subsequent_indent=_INDENT).lstrip()
        print(f"{heading:>12}  {_styled(wrapped, _BOLD) if heading == 'instruction' else wrapped}", flush=True)


def tell_words(trace: SpatialTrace, up_s: float) -> None:
    """What the model said."""
    print(f"{'ready':>12}  after {up_s:.1f} s\n")
    print(_styled(f"  {trace.model} says", _BOLD))
    for number, step in enumerate(trace.reasoning, 1):
        print(f"    {number}. {step.kind:<10} {step.subject:<34} {step.text}")
    print(f"    {'so' if trace.reasoning else '  '}  {_list_in(trace.answer)}\n")


def tell_answer(response: GetTrace.Response, up_s: float, took_s: float) -> None:
    """The model's words, the times, the points, and what is wrong with the path."""
    trace = response.trace
    tell_words(trace, up_s)
    print(_styled("  stage      seconds", _BOLD))
    for stage, what in _STAGES.items():
        print(f"  {stage:<10} {getattr(trace, f'{stage}_s'):7.3f}   {_styled(what, _DIM)}")
    print(f"  {'all':<10} {took_s:7.3f}   {_styled('from the call to the answer', _DIM)}\n")
    tell_points(trace)
    print(f"\n  path: {len(response.path.poses)} poses{'.' if response.message else '. No violations.'}")
    for violation in filter(None, response.message.split("; ")):
        print(f"    {violation}")


def tell_points(trace: SpatialTrace) -> None:
    """The trace in pixels and in metres."""
    frame = trace.header.frame_id
    print(_styled(f"   u [px]  v [px]  depth [m]  from          x        y        z  [m] in {frame}", _BOLD))
    for point in trace.points:
        where = f"{point.position.x:8.3f} {point.position.y:8.3f} {point.position.z:8.3f}"
        print(f"  {point.u:7.1f} {point.v:7.1f} {point.depth:10.3f}  {DepthSource(point.depth_source).name:<12}{where}")


class StageTeller:
    """Prints a line for each new stage of a motion."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, fraction: float) -> None:
        """What is done now, and how much of the way."""
        if stage != self._stage:
            self._stage = stage
            print(f"{'':>12}  {stage}{f', {fraction:.0%} done' if fraction else ''}", flush=True)


def tell_motion(result: FollowTrace.Result, took_s: float) -> None:
    """How far the robot came."""
    how = "to its end" if result.success else f"{result.fraction:.0%}, then: {result.message}"
    print(f"\n  followed {how}; {took_s:.1f} s from the goal to rest")


def tell_outcome(succeeded: bool, reason: str) -> None:
    """What the simulator says."""
    word = _styled("success", _GREEN) if succeeded else _styled("missed", _RED)
    print(f"  {word}, by the simulator's own truth: {reason}\n")


def tell_verdict(found: Sequence[Finding], who: str) -> bool:
    """What the simulator says; whether the task is carried out."""
    print(_styled("\n  by the simulator's own truth", _BOLD))
    for finding in found:
        mark = _styled("right", _GREEN) if finding.right else _styled("wrong", _RED)
        print(f"    {finding.about:<10} {mark}  {finding.words}")
    succeeded = all(finding.right for finding in found)
    if succeeded:
        print(f"  {_styled('success', _GREEN)}: this carries out the task\n")
    else:
        tell_miss(who)
    return succeeded


def tell_miss(who: str) -> None:
    """That the one who answered failed, not the package around it."""
    print(f"  {_styled('missed', _RED)}: with this answer {who} does not carry out the task\n")


def write(out: Path, shown: Shown, response: GetTrace.Response, overlay: Any) -> None:
    """The picture and the cloud with the trace, in the folder ``out``.

    Raises:
        InvalidRequest: when they cannot be written.
    """
    trace = spatial_trace_from_msg(response.trace).moved(shown.target_from_camera.inverse())
    points_m, colours = observed_points(shown.observation)
    write_rgb(out / "overlay.png", overlay)
    write_ply(out / "trace.ply", points_m, colours, trace.points_m, colour_ramp(len(trace)))
    print(f"  wrote {out / 'overlay.png'} and {out / 'trace.ply'}")


def _list_in(answer: str) -> str:
    """The part of an answer that is not reasoning."""
    return " ".join(re.sub(r"<think>.*?</think>|</?answer>", " ", answer, flags=re.DOTALL).split())


def _width() -> int:
    """Of the terminal, or as much as a line of prose holds."""
    return max(60, min(shutil.get_terminal_size((120, 24)).columns, 140))


def _styled(text: str, style: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain else f"\033[{style}m{text}\033[0m"
