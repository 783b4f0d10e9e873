"""A process description: what exactly is started, all substitutions done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessDescription:
    """The command `cmd` in the folder `cwd` with the environment `env`; `final_name` is unique within the launch."""

    name: str
    final_name: str
    cmd: Sequence[str]
    cwd: str | None
    env: Mapping[str, str]
