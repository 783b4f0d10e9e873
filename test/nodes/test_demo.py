"""The demonstration's parts, without the nodes that it starts."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rclpy.action import ActionServer
from rclpy.node import Node

# Not mujoco itself: the engine says how it is to draw before it is imported.
pytest.importorskip("robotracer_ros.sim.engine")

from robotracer_ros.action import FollowTrace
from robotracer_ros.errors import BackendUnavailable, InvalidRequest
from robotracer_ros.nodes import demo, demo_arm, demo_nav, demo_pictures, demo_player
from robotracer_ros.nodes.demo_motion import Done, Moment, Spectator
from robotracer_ros.ros.executor import spinning

SPACE = "demo"


class Refusing(Node):
    """A motion_node that hears from trace_node what it is told, for every goal."""

    def __init__(self, message: str) -> None:
        super().__init__("motion_node", namespace=SPACE)
        self._result = FollowTrace.Result(error_code=FollowTrace.Result.NOT_ACTIVE, message=message)
        ActionServer(self, FollowTrace, "follow_trace", self._ended)

    def _ended(self, handle: object) -> FollowTrace.Result:
        handle.abort()
        return self._result


def test_a_trace_node_that_gave_up_is_not_waited_for() -> None:
    message = "trace_node is unconfigured; it answers when active; the last transition failed: there is no /no/such"
    began = time.monotonic()
    with spinning(Refusing(message)), spinning(Spectator(SPACE)) as spectator:  # noqa: SIM117
        with pytest.raises(BackendUnavailable, match=r"^there is no /no/such$"):
            spectator.ask("move it", lambda: None, lambda stage, fraction: None)
    assert time.monotonic() - began < 60.0


def test_a_launch_that_ends_under_a_motion_is_not_waited_for() -> None:
    class Slow(Refusing):
        def _ended(self, handle: object) -> FollowTrace.Result:
            time.sleep(3.0)
            return super()._ended(handle)

    answers: Iterator[int | None] = iter([None, None])
    with spinning(Slow("")), spinning(Spectator(SPACE)) as spectator:  # noqa: SIM117
        with pytest.raises(BackendUnavailable, match="ros2 launch ended, exit code 1"):
            spectator.ask("move it", lambda: next(answers, 1), lambda stage, fraction: None)


def test_launch_has_no_terminal_that_it_leaves_the_end_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    program = tmp_path / "ros2"
    program.write_text(f"#!/bin/sh\n[ -t 0 ] && echo terminal > {tmp_path}/seen || echo none > {tmp_path}/seen\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    ours, theirs = pty.openpty()
    kept = os.dup(0)
    try:
        os.dup2(theirs, 0)
        with demo_player.launched("some.launch.py", {}) as launch:
            launch.wait(30.0)
    finally:
        os.dup2(kept, 0)
        for file in (kept, ours, theirs):
            os.close(file)
    assert (tmp_path / "seen").read_text() == "none\n"


@pytest.mark.parametrize(("window", "name"), [(demo_player.RVIZ, "RViz"), (demo_player.VIEWER, "The window")])
def test_a_window_is_waited_for_until_it_is_closed(
    window: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    there = iter([[], *[[(window, "/demo")]] * 4])
    watcher = SimpleNamespace(
        get_namespace=lambda: "/demo", get_node_names_and_namespaces=lambda: next(there, [("trace_node", "/demo")])
    )
    demo_player.linger(SimpleNamespace(poll=lambda: None), watcher, [window])
    assert next(there, None) is None
    assert capsys.readouterr().out == f"{name} is open; closing it or Ctrl-C ends the demonstration.\n"


def test_a_window_that_never_came_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.setattr(demo_player, "_WINDOW_S", 0.5)
    watcher = SimpleNamespace(get_namespace=lambda: "/demo", get_node_names_and_namespaces=list)
    demo_player.linger(SimpleNamespace(poll=lambda: None), watcher, [demo_player.RVIZ])
    assert capsys.readouterr().out == ""


def test_what_an_arm_needs_is_asked_for_before_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_arm, "find_spec", lambda name: None if name in ("pinocchio", "matplotlib") else name)
    with pytest.raises(InvalidRequest, match=r"needs pin, matplotlib, .*pip install pin matplotlib\); --still"):
        demo_arm.run_arm(None, Path(), None, None)


def test_only_pictures_that_were_written_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_nav, "_map", lambda *_: np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr(demo_nav, "_judged", lambda *_: False)
    done = Done(FollowTrace.Result(), (), 0.0, 0.0)
    assert demo_nav._told(tmp_path, None, None, done, None) == 1
    assert "overlay.png" not in capsys.readouterr().out
    demo_nav._told(tmp_path, None, None, done, np.zeros((4, 4, 3), np.uint8))
    assert str(tmp_path / "overlay.png") in capsys.readouterr().out


def test_a_film_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    monkeypatch.setattr(demo_pictures, "base_from_things", lambda truth: truth)
    file = tmp_path / "motion.gif"
    file.mkdir()
    film = SimpleNamespace(frame=lambda joints, things: np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InvalidRequest, match=f"cannot write {file}: Is a directory"):
        demo_pictures.write_film(file, [Moment({}, {})], film)


def test_logs_go_where_they_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROS_LOG_DIR", raising=False)
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    demo._log_where_one_can()
    assert "ROS_LOG_DIR" not in os.environ
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "file"))
    # Undone with the test, as the line above is.
    monkeypatch.setenv("ROS_LOG_DIR", "")
    demo._log_where_one_can()
    folder = Path(os.environ["ROS_LOG_DIR"])
    assert folder.is_dir() and "ros_log_" in folder.name
    folder.rmdir()
