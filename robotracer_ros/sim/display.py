"""Whether this machine has a display that a window opens on, tried in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Final

from robotracer_ros.errors import InvalidRequest

_NAMES: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_TRIED_S: Final = 30.0


def draw_on_screen() -> None:
    """Have MuJoCo draw into windows; call it before MuJoCo is imported, in a process that draws no pictures."""
    os.environ["MUJOCO_GL"] = "glfw"
    # Drawn in software, a window takes every core there is, as often as it can.
    os.environ.setdefault("LP_NUM_THREADS", "1")


def require_display() -> None:
    """Open a window that nobody sees, in another process: two ways to draw do not go together in one.

    Raises:
        InvalidRequest: when there is no display, or none that a window with OpenGL opens on.
    """
    found = [f"{name}={os.environ[name]}" for name in _NAMES if os.environ.get(name)]
    if not found:
        raise InvalidRequest(
            f"no window can be opened: neither {' nor '.join(_NAMES)} is set; accepted: a desktop's session, or a "
            f"display that DISPLAY names"
        )
    command = [sys.executable, "-m", "robotracer_ros.sim.display"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_TRIED_S, check=False)
        said = "" if tried.returncode == 0 else " ".join(tried.stderr.split()) or f"exit code {tried.returncode}"
    except subprocess.TimeoutExpired:
        said = f"it did not answer within {_TRIED_S:g} s"
    if said:
        raise InvalidRequest(
            f"no window can be opened on {' '.join(found)}: {said}; accepted: a display that runs, with OpenGL"
        )


def _try() -> int:
    """Open a window for a moment, and tell on stderr what is in the way."""
    import glfw

    said: list[str] = []

    def hear(_code: int, words: Any) -> None:
        # Its annotations say str, and it hands over bytes.
        said.append(words.decode(errors="replace") if isinstance(words, bytes) else words)

    glfw.set_error_callback(hear)
    if not glfw.init():
        print("; ".join(said) or "GLFW does not start", file=sys.stderr)
        return 1
    glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
    window = glfw.create_window(64, 64, "", None, None)
    if not window:
        print("; ".join(said) or "GLFW opens no window", file=sys.stderr)
    glfw.terminate()
    return 0 if window else 1


if __name__ == "__main__":
    sys.exit(_try())
