"""Backends by name; each is imported only when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.query import Backend

__all__ = ["BACKENDS", "BackendEntry", "open_backend"]

# Every backend can be recorded: the file its answers are appended to.
_RECORD: Final = "record"


@dataclass(frozen=True, slots=True)
class BackendEntry:
    """Where a backend is defined, and the options it takes: those required, and those with a default.

    ``kinds`` maps an option to its type: str (also for paths), int, float or bool.
    """

    module: str
    opener: str
    required: Mapping[str, type]
    optional: Mapping[str, type]

    def described(self) -> str:
        """The options in words, for an error or a help text."""
        needed = [f"{name} ({kind.__name__}, required)" for name, kind in self.required.items()]
        free = [f"{name} ({kind.__name__})" for name, kind in {**self.optional, _RECORD: str}.items()]
        return ", ".join(needed + free)


BACKENDS: Final[Mapping[str, BackendEntry]] = {
    "replay": BackendEntry("robotracer_ros.backends.replay", "Replay", {"answers": str}, {}),
    "query_api": BackendEntry(
        "robotracer_ros.backends.query_api",
        "QueryApi",
        {"url": str},
        {"dialect": str, "mode": str, "shared_dir": str, "retries": int, "connect_timeout_s": float},
    ),
    "transformers_local": BackendEntry(
        "robotracer_ros.backends.transformers_local",
        "TransformersLocal",
        {},
        {
            "model": str,
            "device": str,
            "dtype": str,
            "mode": str,
            "constrained": bool,
            "compile": bool,
            "trust_remote_code": bool,
            "threads": int,
            "max_new_tokens": int,
        },
    ),
}


def open_backend(name: str, options: Mapping[str, object]) -> Backend:
    """Open the backend called ``name``; an option of "" counts as not given.

    The option ``record``, a file, appends every answer to it in the form that the backend "replay" reads.

    Raises:
        InvalidRequest: for an unknown name, and for an option that is unknown, missing or of another type, listing
            those accepted.
        BackendUnavailable: when the backend checks at once that its model is there, and it is not.
    """
    if name not in BACKENDS:
        raise InvalidRequest(f"there is no backend {name!r}; accepted: {', '.join(sorted(BACKENDS))}")
    given = {option: value for option, value in options.items() if value not in ("", None)}
    checked = _checked_options(name, BACKENDS[name], given)
    record = checked.pop(_RECORD, None)
    backend = _opened(BACKENDS[name], checked)
    if record is None:
        return backend
    from robotracer_ros.backends.replay import Recorder

    return Recorder(backend, str(record))


def _opened(entry: BackendEntry, options: Mapping[str, object]) -> Backend:
    opener = getattr(import_module(entry.module), entry.opener)
    return cast(Backend, opener(*(options[name] for name in entry.required), **{
        name: value for name, value in options.items() if name not in entry.required
    }))


def _checked_options(name: str, entry: BackendEntry, given: Mapping[str, object]) -> dict[str, object]:
    kinds = {**entry.required, **entry.optional, _RECORD: str}
    unknown = sorted(given.keys() - kinds.keys())
    missing = sorted(entry.required.keys() - given.keys())
    if unknown or missing:
        wrong = [f"does not know {', '.join(map(repr, unknown))}"] if unknown else []
        wrong += [f"needs {', '.join(map(repr, missing))}"] if missing else []
        raise InvalidRequest(f"the backend {name} {' and '.join(wrong)}; accepted: {entry.described()}")
    return {option: _of_kind(name, option, value, kinds[option]) for option, value in given.items()}


def _of_kind(name: str, option: str, value: object, kind: type) -> object:
    """``value`` when it is of ``kind``; a path becomes a string, a whole number may stand for a float."""
    if kind is str and hasattr(value, "__fspath__"):
        return str(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidRequest(f"option {option!r} of the backend {name} must be {kind.__name__}, received {value!r:.80}")
    return value
