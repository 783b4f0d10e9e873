"""MuJoCo, told how to draw before it is first imported."""

from __future__ import annotations

import os

# Without a display, MuJoCo draws through EGL in software; a user's own choice goes first.
os.environ.setdefault("MUJOCO_GL", "egl")
import mujoco

__all__ = ["mujoco"]
