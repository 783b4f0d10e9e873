"""How a camera is heard: transports, units and tolerances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.ros.images import MILLIMETRE_M

# What image_transport appends to the base topic, so that a remapping of the base name moves every transport.
TRANSPORT_SUFFIX: Final = {"raw": "", "compressed": "/compressed", "compressedDepth": "/compressedDepth"}
IMAGE_TRANSPORTS: Final = ("raw", "compressed")
DEPTH_TRANSPORTS: Final = ("raw", "compressedDepth", "compressed")


@dataclass(frozen=True, slots=True)
class RgbdSettings:
    """How a camera is heard.

    Attributes:
        use_depth: whether there is a depth topic; without one observations are colour only.
        image_transport: "raw" or "compressed".
        depth_transport: "raw", "compressedDepth" or "compressed" (a 16 bit PNG).
        sync_slop_s: how far the stamps of colour and depth may differ.
        depth_unit_m: metres of one count of a 16 bit depth image.
        rectified: whether colour is, so that P of camera_info applies; None reads it from the topic's name.
        depth_rectified: the same for depth that is not registered to colour.
        queue_depth: frames the middleware keeps while nobody asks. One suffices, as a request that finds no pair among
            them waits for the frame under way; each more costs every request the copy of one frame.

    Raises:
        InvalidRequest: naming the setting, what was received and what is accepted.
    """

    use_depth: bool = True
    image_transport: str = "raw"
    depth_transport: str = "raw"
    sync_slop_s: float = 0.02
    depth_unit_m: float = MILLIMETRE_M
    rectified: bool | None = None
    depth_rectified: bool | None = None
    queue_depth: int = 1

    def __post_init__(self) -> None:
        for name, accepted in (("image_transport", IMAGE_TRANSPORTS), ("depth_transport", DEPTH_TRANSPORTS)):
            if getattr(self, name) not in accepted:
                raise InvalidRequest(f"{name} is {getattr(self, name)!r}; accepted: {', '.join(accepted)}")
        if not (math.isfinite(self.sync_slop_s) and self.sync_slop_s >= 0):
            raise InvalidRequest(f"sync_slop_s is {self.sync_slop_s}; accepted: 0 s and more")
        if not (math.isfinite(self.depth_unit_m) and self.depth_unit_m > 0):
            raise InvalidRequest(f"depth_unit_m is {self.depth_unit_m}; accepted: above 0 m")
        if self.queue_depth < 1:
            raise InvalidRequest(f"queue_depth is {self.queue_depth}; accepted: 1 and more")
