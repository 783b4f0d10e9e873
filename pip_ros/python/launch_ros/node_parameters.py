"""The parameters of a node, from what a launch file writes to the arguments on the node's command line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from launch.logging import get_logger
from launch.substitution import Substitution
from launch.substitutions.phrase import Phrase, perform_phrase

from launch_ros.parameter_file import ParameterFile, replaced
from launch_ros.parameter_values import Ready, evaluate, ready_dict

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

EVERY_NODE = "/**"
Source = ParameterFile | list[tuple[Phrase, Ready]]


def ready_sources(parameters: Iterable[Any]) -> list[Source]:
    """Return dictionaries and files of parameters made ready, in order. Raises TypeError for anything else."""
    return [_ready_source(source) for source in parameters]


def _ready_source(source: Any) -> Source:
    if isinstance(source, Mapping):
        return ready_dict(source)
    if isinstance(source, ParameterFile):
        return source
    if isinstance(source, (str, os.PathLike, Substitution, Iterable)):
        return ParameterFile(source)
    raise TypeError(
        f"a node's parameters are dictionaries and paths of YAML files, but got '{source}' of type '{type(source)}'"
    )


def parameter_arguments(
    context: LaunchContext, sources: Iterable[Source], node_name: str, logger_name: str
) -> list[str]:
    """Return the arguments that give a node its parameters; a later source wins.

    Dictionaries and files with placeholders are written to temporary files that live as long as the launch, the
    former for the node called `node_name`, which is fully qualified or `/**`. A file that is missing is passed over
    with a warning of `logger_name`.
    """
    arguments: list[str] = []
    for source in sources:
        path = _path_of(context, source, node_name)
        if Path(path).is_file():
            arguments += ["--params-file", path]
        else:
            get_logger(logger_name).warning(f"Parameter file path is not a file: {path}")
    return arguments


def _path_of(context: LaunchContext, source: Source, node_name: str) -> str:
    if not isinstance(source, ParameterFile):
        return _written(context, yaml.dump({node_name: {"ros__parameters": _evaluated(context, source)}}))
    path = source.path(context)
    if source.allow_substs and Path(path).is_file():
        return _written(context, replaced(Path(path).read_text(encoding="utf-8"), context))
    return path


def _evaluated(context: LaunchContext, source: Iterable[tuple[Phrase, Ready]]) -> dict[str, Any]:
    named = [(perform_phrase(context, name), value) for name, value in source]
    return {name: evaluate(context, name, value) for name, value in named}


def _written(context: LaunchContext, text: str) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="launch_params_", delete=False, encoding="utf-8") as file:
        file.write(text)
    path = Path(file.name)
    context.at_end(lambda: path.unlink(missing_ok=True))
    return file.name
