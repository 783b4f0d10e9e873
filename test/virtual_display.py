"""A display that nobody sees, with windows that can be looked at and closed: Xvfb."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

_CLIENT_MESSAGE = 33


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib, padded to the size of any event."""

    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24),
    ]  # fmt: skip


class VirtualDisplay:
    """A running Xvfb; ``environment`` is what a process needs to draw on it."""

    def __init__(self, name: str, framebuffer: Path) -> None:
        self.environment = {"DISPLAY": name, "WAYLAND_DISPLAY": "", "XDG_SESSION_TYPE": "x11"}
        self._name, self._framebuffer = name, framebuffer

    def picture(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) RGB of the whole screen. The file is an XWD: a header, colours, and rows of BGRX."""
        content = self._framebuffer.read_bytes()
        header = struct.unpack(">20I", content[:80])
        size, width, height, row, colours = (header[field] for field in (0, 4, 5, 12, 19))
        pixels = np.frombuffer(content, np.uint8, height * row, size + 12 * colours)
        return pixels.reshape(height, row)[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1]

    def wait_for(self, seen: Callable[[npt.NDArray[np.uint8]], bool], timeout_s: float = 60.0) -> None:
        """Until the screen looks as it should."""
        deadline = time.monotonic() + timeout_s
        while not seen(self.picture()):
            assert time.monotonic() < deadline, f"the screen did not come to look so within {timeout_s:g} s"
            time.sleep(0.1)

    def close_windows(self) -> None:
        """Ask every window to close, as the button in its frame does."""
        x = ctypes.CDLL("libX11.so.6")
        for function in (x.XOpenDisplay, x.XDefaultRootWindow, x.XInternAtom):
            function.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x.XOpenDisplay(self._name.encode()))
        root, parent, windows, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p(), ctypes.c_uint()
        x.XQueryTree(display, ctypes.c_ulong(x.XDefaultRootWindow(display)), ctypes.byref(root),
                     ctypes.byref(parent), ctypes.byref(windows), ctypes.byref(count))  # fmt: skip
        protocols, close = (x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        for number in range(count.value):
            window = ctypes.cast(windows, ctypes.POINTER(ctypes.c_ulong))[number]
            event = _ClientMessage(type=_CLIENT_MESSAGE, window=window, message_type=protocols, format=32)
            event.data[0] = close
            x.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
        x.XCloseDisplay(display)


@contextmanager
def virtual_display(folder: Path) -> Iterator[VirtualDisplay]:
    """A display until the block ends; its screen lies in ``folder``. Tests are skipped where there is no Xvfb."""
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb; Debian's package xvfb holds it")
    folder.mkdir(parents=True, exist_ok=True)
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "720x540x24", "-nolisten", "tcp"]
    silent = subprocess.DEVNULL
    server = subprocess.Popen([*command, "-fbdir", str(folder)], pass_fds=[write], stdout=silent, stderr=silent)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        assert number, f"Xvfb ended, exit code {server.wait(10.0)}"
        yield VirtualDisplay(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(10.0)
