"""The model checkpoints that come with this package, found without asking ROS where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from robotracer_ros.errors import InvalidRequest

# The default model: it knows the tabletop world of `sim`.
DEFAULT_CHECKPOINT: Final = "robotracer-nano"

# Below each folder above this file: beside the sources, and in the prefix of an installation.
_PLACES: Final = (Path("checkpoints"), Path("share", "robotracer_ros", "checkpoints"))


def checkpoint_folder(name: str, start: Path | None = None) -> Path:
    """The folder of the shipped checkpoint called ``name``.

    ``start`` is the file from which the search walks upwards, this one when left out; a symbolic link is searched from
    where it stands and from where it leads, so that linked installations find the sources.

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
    for folder in _folders(start or Path(__file__)):
        for config in sorted(folder.glob("*/config.json")):
            found.setdefault(config.parent.name, config.parent)
    return found


def _folders(start: Path) -> Iterator[Path]:
    for file in dict.fromkeys((start.absolute(), start.resolve())):
        for above in file.parents:
            yield from (above / place for place in _PLACES)
