"""A window opens where there is a display, shows what it is told to, and is refused in words where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from virtual_display import virtual_display

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.display import require_display

URDFS = Path(__file__).resolve().parents[2] / "urdf"
# Two ways to draw do not go together in one process, and this one draws without a window.
PROGRAM = """
import sys, time
from pathlib import Path
from robotracer_ros.sim.display import draw_on_screen
draw_on_screen()
import numpy as np
from robotracer_ros.sim.mirror import mirror_of
from robotracer_ros.sim.window import Window
window = Window(mirror_of({"world": "floor", "seed": 3}, Path(sys.argv[1])))
print("open", flush=True)
sys.stdin.readline()
# More points than the viewer draws.
line = np.repeat(np.linspace([0.5, -0.5, 0.5], [2.5, -0.5, 0.5], 50), 100, axis=0)
colours = np.full((len(line), 3), (255, 0, 255), np.uint8)
while window.is_open:
    window.show(line, colours)
    time.sleep(0.05)
print("closed", flush=True)
"""


def magenta_px(picture: np.ndarray) -> int:
    red, green, blue = (picture[:, :, channel].astype(int) for channel in range(3))
    return int(((red > 120) & (blue > 120) & (green < 60)).sum())


def test_a_window_shows_its_scene_and_a_line_until_it_is_closed(tmp_path: Path) -> None:
    with virtual_display(tmp_path) as display:
        command = [sys.executable, "-c", PROGRAM, str(URDFS)]
        process = subprocess.Popen(
            command, env={**os.environ, **display.environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdin is not None and process.stdout is not None
            assert process.stdout.readline() == "open\n"
            display.wait_for(lambda picture: len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000)
            assert magenta_px(display.picture()) == 0
            print(file=process.stdin, flush=True)
            display.wait_for(lambda picture: magenta_px(picture) > 50)
            display.close_windows()
            assert process.stdout.readline() == "closed\n"
            process.stdin.close()
            assert process.wait(20.0) == 0
        finally:
            process.kill()
            process.wait()


def test_a_display_that_runs_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with virtual_display(tmp_path) as display:
        for name, value in display.environment.items():
            monkeypatch.setenv(name, value)
        require_display()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"neither DISPLAY nor WAYLAND_DISPLAY is set; accepted: "),
        ({"DISPLAY": ":99999"}, r"on DISPLAY=:99999: .*display.*; accepted: "),
    ],
)
def test_without_a_display_a_window_is_refused_in_words(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidRequest, match=said) as refused:
        require_display()
    assert "\n" not in str(refused.value)
