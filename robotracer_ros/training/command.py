"""`robotracer train`: draw pictures, tune with supervision, tune by rewards, draw the curve.

Each tuning takes one option for each field of its settings, so that the settings are written down once.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Final

from robotracer_ros.errors import InvalidRequest

_ABOUT: Final = """\
Train RoboTracer's architecture in the tabletop world. What was begun resumes: the same command goes on.

  robotracer train data --out shards --scenes 10240
  robotracer train sft --shards shards --out sft
  robotracer train rft --shards shards --checkpoint sft/checkpoint --out rft
  robotracer train curve --out sft             while it trains, or afterwards
"""
_TYPES: Final[dict[str, Callable[[str], Any]]] = {"int": int, "float": float, "str": str}
CURVE: Final = "curve.png"


def run(arguments: Sequence[str]) -> int:
    """Do what the words after `robotracer train` say; the exit status.

    Raises:
        InvalidRequest: for settings that cannot be used, or libraries that training needs and that are absent.
    """
    actions = {"data": _data, "sft": _sft, "rft": _rft, "curve": _curve}
    shaped = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("robotracer train", description=_ABOUT, formatter_class=shaped)
    top.add_argument("action", choices=tuple(actions), help="what to do; `robotracer train ACTION --help` says more")
    # torch takes seconds to import: the settings, which live beside it, are looked up for the chosen action alone.
    given = top.parse_args(arguments[:1])
    actions[given.action](arguments[1:])
    return 0


def add_settings(parser: argparse.ArgumentParser, settings: type) -> None:
    """One option for each field of a settings dataclass, explained in the words of its docstring."""
    about = attribute_texts(settings.__doc__ or "")
    for field in fields(settings):
        _add_field(parser, field, about.get(field.name, ""))


def attribute_texts(docstring: str) -> dict[str, str]:
    """What the section ``Attributes:`` of a docstring says of each name; names may share a line's text."""
    _, _, section = docstring.partition("Attributes:")
    section = re.sub(r"\n\s{9,}(?=\S)", " ", section)
    texts: dict[str, str] = {}
    for names, text in re.findall(r"^ {8}([a-z_0-9, `]+): (.+)$", section, flags=re.MULTILINE):
        texts |= dict.fromkeys((name.strip(" `") for name in names.split(",")), text.strip())
    return texts


def _add_field(parser: argparse.ArgumentParser, field: Field[Any], about: str) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    required = field.default is MISSING
    about = about.replace("%", "%%")
    if field.type == "bool":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default, help=about)
        return
    told = about if required else f"{about} ({field.default})".strip()
    kind = _TYPES[str(field.type)]
    metavar = field.name.upper() if kind is str else "N"
    default = None if required else field.default
    parser.add_argument(flag, type=kind, metavar=metavar, required=required, default=default, help=told)


def _data(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("robotracer train data", description="Draw pictures of tabletop scenes in shards.")
    parser.add_argument("--out", metavar="DIR", required=True, help="the folder of the shards")
    parser.add_argument("--scenes", type=int, default=10240, metavar="N", help="in all, a multiple of 256 (10240)")
    parser.add_argument("--split", default="train", help="train, validation or test (train)")
    given = parser.parse_args(arguments)
    drawing = _needing("mujoco", "robotracer_ros.training.pictures")
    from robotracer_ros.sim.catalogue import require_split

    folder, split = Path(given.out), require_split(given.split)
    for number, path in enumerate(drawing.draw_shards(folder, split, given.scenes), 1):
        print(f"{path}  {number * drawing.SHARD_SCENES} of {given.scenes} scenes", flush=True)


def _sft(arguments: Sequence[str]) -> None:
    module = _needing("torch and transformers", "robotracer_ros.training.sft")
    _train("sft", arguments, module, module.SftSettings, module.train_sft)


def _rft(arguments: Sequence[str]) -> None:
    module = _needing("torch and transformers", "robotracer_ros.training.rft")
    _train("rft", arguments, module, module.RftSettings, module.train_rft)


def _curve(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("robotracer train curve", description=f"Draw OUT/log.jsonl as OUT/{CURVE}.")
    parser.add_argument("--out", metavar="OUT", required=True, help="the folder of a training")
    _draw_curve(Path(parser.parse_args(arguments).out))


def _train(name: str, arguments: Sequence[str], module: Any, settings_type: type, train: Callable[[Any], None]) -> None:
    shaped = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(f"robotracer train {name}", description=module.__doc__, formatter_class=shaped)
    add_settings(parser, settings_type)
    settings = settings_type(**vars(parser.parse_args(arguments)))
    require_device(settings.device)
    train(settings)
    try:
        _draw_curve(Path(settings.out))
    except InvalidRequest as error:
        # Hours of training are not lost for a picture of them.
        print(f"robotracer train {name}: {error}", file=sys.stderr)


def _draw_curve(out: Path) -> None:
    from robotracer_ros.training.curve import write_curve

    write_curve(out / "log.jsonl", out / CURVE)
    print(out / CURVE)


def require_device(name: str) -> None:
    """Refuse a device that this machine's torch cannot use.

    Raises:
        InvalidRequest: naming what there is.
    """
    import torch

    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if name not in there and not (name == "cuda" and len(there) > 1):
        raise InvalidRequest(f"this machine has no device {name!r} for torch; there are: {', '.join(there)}")


def _needing(libraries: str, module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("robotracer_ros"):
            raise
        raise InvalidRequest(
            f"this needs {libraries}, and {error.name} is absent; install it (pip install {error.name})"
        ) from error
