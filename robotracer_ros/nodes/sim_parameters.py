"""The parameters of sim_node."""

from __future__ import annotations

from typing import Final

from robotracer_ros.ros.params import Parameter
from robotracer_ros.sim.catalogue import Split

ENCODINGS: Final = ("rgb8", "bgr8")


def sim_parameters(worlds: tuple[str, ...]) -> tuple[Parameter, ...]:
    """The table of them; ``worlds`` are the names of what can be simulated."""
    return (
        Parameter("world", worlds[0], "what is simulated", choices=worlds, read_only=True),
        Parameter("seed", 0, "of the first scene", low=0, high=2**31 - 1, read_only=True),
        Parameter("split", Split.TEST.value, "which scenes a tabletop's seeds count",
                  choices=tuple(split.value for split in Split), read_only=True),
        Parameter("rate", 10.0, "pictures in a simulated second, while somebody listens", unit="Hz", low=0.1,
                  high=60.0, read_only=True),
        Parameter("width", 0, "of the picture; 0 for the scene's own size", unit="px", low=0, high=1280,
                  read_only=True),
        Parameter("height", 0, "of the picture; 0 for the scene's own size", unit="px", low=0, high=960,
                  read_only=True),
        Parameter("depth_noise", True, "depth with the faults of a stereo camera: noise, steps, holes, edges that fly",
                  read_only=True),
        Parameter("image_encoding", ENCODINGS[0], "of the colour image", choices=ENCODINGS, read_only=True),
        Parameter("real_time_factor", 1.0, "simulated seconds in a second; 0 for as many as there can be", low=0.0,
                  high=100.0, read_only=True),
        Parameter("publish_clock", False, "publish simulated time on /clock, and stamp with it", read_only=True),
    )  # fmt: skip
