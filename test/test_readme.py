"""The README's table of rooms names all there are, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from robotracer_ros.backends import BACKENDS

PACKAGE = "robotracer_ros"


def named_places(repository: Path) -> set[str]:
    """The paths of the table below "Where things live"; a bare second name of a row stands beside the first."""
    table = (repository / "README.md").read_text().partition("## Where things live")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    places: set[str] = set()
    for row in rows:
        for name in " ".join(re.findall(r"`([^`]+)`", row)).split():
            inside = row.strip().startswith(f"`{PACKAGE}/") and not name.startswith(PACKAGE)
            places.add((f"{PACKAGE}/{name}" if inside else name).rstrip("/"))
    return places


def test_every_place_named_is_there(repository: Path) -> None:
    places = named_places(repository)
    assert places
    assert [place for place in sorted(places) if not (repository / place).exists()] == []


def test_every_room_is_named(repository: Path) -> None:
    folder = repository / PACKAGE
    rooms = {f"{PACKAGE}/{path.parent.name}" for path in folder.glob("*/__init__.py")}
    rooms |= {f"{PACKAGE}/{path.name}" for path in folder.glob("[!_]*.py")}
    assert sorted(rooms - named_places(repository)) == []


def test_every_backend_is_in_the_table_of_backends(repository: Path) -> None:
    text = (repository / "README.md").read_text()
    assert [name for name in BACKENDS if f"| `{name}` |" not in text] == []
