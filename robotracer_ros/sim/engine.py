"""MuJoCo, told how to draw before it is first imported."""

from __future__ import annotations

import os

# Without a display, MuJoCo draws through EGL in software; a user's own choice goes first.
os.environ.setdefault("MUJOCO_GL", "egl")
try:
    import mujoco
except ModuleNotFoundError:
    raise
# What goes wrong depends on the library that draws, and on the graphics driver.
except Exception as error:
    raise ImportError(
        f"MuJoCo cannot draw with MUJOCO_GL={os.environ['MUJOCO_GL']} ({type(error).__name__}: {error}); accepted: egl "
        f"(needs libegl1 and libgl1-mesa-dri), osmesa (libosmesa6), or glfw with a display"
    ) from error

__all__ = ["mujoco"]
