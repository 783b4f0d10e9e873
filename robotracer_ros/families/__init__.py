"""Model families by name; each is imported only when it is opened."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.family import Mode, ModelFamily

__all__ = ["FAMILIES", "Mode", "ModelFamily", "open_family"]

# Name to module and class.
FAMILIES: Final = {
    "robotracer": ("robotracer_ros.families.robotracer", "RoboTracer"),
}


def open_family(name: str) -> ModelFamily:
    """The family called ``name``.

    Raises:
        InvalidRequest: for an unknown name, listing the names.
    """
    if name not in FAMILIES:
        raise InvalidRequest(f"there is no model family {name!r}; accepted: {', '.join(sorted(FAMILIES))}")
    module, kind = FAMILIES[name]
    return cast(ModelFamily, getattr(import_module(module), kind)())
