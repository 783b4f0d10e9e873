"""The model checkpoints that come with this package, found without asking ROS where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.packaged import packaged_folders

# The default model: it knows the tabletop world of `sim`.
DEFAULT_CHECKPOINT: Final = "robotracer-nano"

_FOLDER: Final = "checkpoints"


def checkpoint_folder(name: str, start: Path | None = None) -> Path:
    """The folder of the shipped checkpoint called ``name``.

    ``start`` is the file from which the search walks upwards, as `packaged_folders` does.

    Raises:
        InvalidRequest: when there is none of that name, listing those that there are.
    """
    found = shipped_checkpoints(start)
    if name not in found:
        raise InvalidRequest(
            f"no checkpoint {name!r} came with this package; there are: {', '.join(sorted(found)) or 'none'}"
        )
    return found[name]


def shipped_checkpoints(start: Path | None = None) -> dict[str, Path]:
    """Every shipped checkpoint by name; of two with one name, the one nearer to ``start``."""
    found: dict[str, Path] = {}
    for folder in packaged_folders(_FOLDER, start):
        for config in sorted(folder.glob("*/config.json")):
            found.setdefault(config.parent.name, config.parent)
    return found
