"""Backend options as words on a command line: NAME=VALUE, the value of the type that the backend takes."""

from __future__ import annotations

from collections.abc import Iterable

from robotracer_ros.backends import BACKENDS
from robotracer_ros.errors import InvalidRequest

_TRUTH = {"true": True, "false": False}


def read_options(backend: str, given: Iterable[str]) -> dict[str, object]:
    """The options that each NAME=VALUE in ``given`` states; one the backend does not know stays a string.

    Raises:
        InvalidRequest: for words without "=", and for a value of another type than the option's.
    """
    kinds = _kinds(backend)
    options: dict[str, object] = {}
    for words in given:
        name, separator, value = words.partition("=")
        if not separator:
            raise InvalidRequest(f"--option takes NAME=VALUE, received {words!r}")
        options[name] = _typed(name, value, kinds.get(name, str))
    return options


def takes_option(backend: str, name: str) -> bool:
    """Whether the backend called ``backend`` has an option ``name``."""
    return name in _kinds(backend)


def _kinds(backend: str) -> dict[str, type]:
    entry = BACKENDS.get(backend)
    return {**entry.required, **entry.optional} if entry else {}


def _typed(name: str, value: str, kind: type) -> object:
    try:
        return _TRUTH[value.lower()] if kind is bool else kind(value)
    except (KeyError, ValueError) as error:
        accepted = "true or false" if kind is bool else f"of type {kind.__name__}"
        raise InvalidRequest(f"--option {name} must be {accepted}, received {value!r}") from error
