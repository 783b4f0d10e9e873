"""Who touches whom in a simulated tabletop: things, the table, the arm's links and its fingers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from robotracer_ros.sim.arm_spec import FINGER_LINKS

TABLE: Final = "table"
PEDESTAL: Final = "pedestal"
# Contacts are made a little before surfaces meet; a force this small is none, newtons.
_LEAST_N: Final = 1e-3


class Touches:
    """Reads contacts by the names of bodies.

    Args:
        model: whose geoms of the world are called `TABLE` or `PEDESTAL`, if anything of it is to be touched.
        things: the names of the bodies that lie on the table.
    """

    def __init__(self, model: Any, things: frozenset[str]) -> None:
        self._things = things
        self._names = [
            model.geom(geom).name if body == 0 else model.body(body).name for geom, body in enumerate(model.geom_bodyid)
        ]
        links = {name for name in self._names if name not in things and name not in ("", TABLE, PEDESTAL)}
        self._links = frozenset(links)
        self._of_arm = np.array([name in links for name in self._names])

    def pairs(self, data: Any) -> frozenset[tuple[str, str]]:
        """Names of what touches, each pair once and in alphabetical order."""
        found = set()
        for first, second in data.contact.geom[self._pressing(data)]:
            one, other = sorted((self._names[first], self._names[second]))
            found.add((one, other))
        return frozenset(found)

    def collisions(self, data: Any) -> frozenset[tuple[str, str]]:
        """Pairs of a link of the arm and what it must not touch: fingers may touch things, and nothing else may."""
        geoms = data.contact.geom
        if not len(geoms) or not self._of_arm[geoms].any():
            return frozenset()
        return frozenset(pair for pair in self.pairs(data) if self._links & set(pair) and not self._may(pair))

    def held(self, data: Any) -> tuple[str, ...]:
        """The things that both fingers touch."""
        pairs = self.pairs(data)
        return tuple(
            sorted(
                thing
                for thing in self._things
                if all(tuple(sorted((thing, finger))) in pairs for finger in FINGER_LINKS)
            )
        )

    def _may(self, pair: tuple[str, str]) -> bool:
        return bool(set(pair) & set(FINGER_LINKS)) and bool(set(pair) & self._things)

    def _pressing(self, data: Any) -> Any:
        """Which contacts carry a force; those of bodies at rest in their sleep are not there at all."""
        if not data.ncon:
            return np.zeros(0, dtype=np.intp)
        address = np.asarray(data.contact.efc_address)
        force = np.where(address >= 0, data.efc_force[np.maximum(address, 0)] if data.nefc else 0.0, 0.0)
        return np.flatnonzero(force > _LEAST_N)
