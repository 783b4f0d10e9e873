"""What comes with this package beside its code, found without asking ROS where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from robotracer_ros.errors import InvalidRequest


def packaged_folders(name: str, start: Path | None = None) -> Iterator[Path]:
    """Where a folder of the package, such as "urdf", may be: beside the sources, and in the prefix of an installation.

    ``start`` is the file from which the search walks upwards, this one when left out; a symbolic link is searched from
    where it stands and from where it leads, so that linked installations find the sources.
    """
    begin = start or Path(__file__)
    for file in dict.fromkeys((begin.absolute(), begin.resolve())):
        for above in file.parents:
            yield from (above / name, above / "share" / "robotracer_ros" / name)


def packaged_file(folder: str, name: str) -> Path:
    """A file of the package, such as ``urdf/tabletop_arm.urdf``.

    Raises:
        InvalidRequest: when it did not come along.
    """
    found = next((place / name for place in packaged_folders(folder) if (place / name).is_file()), None)
    if found is None:
        raise InvalidRequest(f"{folder}/{name} did not come with this copy of the package; install it again")
    return found
