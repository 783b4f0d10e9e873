"""A checkpoint of transformers, found, loaded and put onto its device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.utils import logging
from transformers.utils.hub import is_offline_mode

from robotracer_ros.backends.transformers_memory import is_out_of_memory, memory_in_words
from robotracer_ros.checkpoints import shipped_checkpoints
from robotracer_ros.errors import BackendUnavailable

_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SHOWN_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its processor, on its device, ready to generate."""

    name: str
    model: Any
    processor: Any
    device: Any


def load_checkpoint(reference: str, device: str, dtype: str, trust_remote_code: bool) -> Loaded:
    """Load the checkpoint that ``reference`` names: one of this package, a folder, or a name on the Hugging Face hub.

    Weights are read from safetensors only: the older format runs code from the file when it is read.

    Raises:
        BackendUnavailable: when it is not there, is none of an image-text-to-text model, lacks weights, or does not
            fit, and when the device is not there; each with what to do.
    """
    place = device_named(device)
    source, name = _source(reference)
    # Before any configuration is read: importing the room tells transformers of RoboTracer's architecture.
    import_module("robotracer_ros.models")
    try:
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=trust_remote_code)
        with _without_progress_bars():
            model, report = AutoModelForImageTextToText.from_pretrained(
                source,
                dtype=dtype_named(dtype, place),
                use_safetensors=True,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
            )
        model = model.to(place).eval()
    except Exception as error:
        if is_out_of_memory(error):
            raise BackendUnavailable(f"{name} does not fit: {memory_in_words(place)}; choose a smaller one") from error
        raise BackendUnavailable(_in_words(reference, source, error)) from error
    _require_whole(name, processor, report)
    return Loaded(name, model, processor, place)


def device_named(name: str) -> Any:
    """The torch device of "auto", "cpu", "cuda" or "cuda:N"; "auto" is the first GPU, else the CPU.

    Raises:
        BackendUnavailable: for a GPU that is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not count):
        return torch.device("cpu")
    if not count:
        built = "" if torch.version.cuda else ", and the installed torch is a build without CUDA"
        raise BackendUnavailable(f"device {name!r} was asked for and no CUDA device is there{built}; use cpu or auto")
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        there = ", ".join(f"cuda:{number}" for number in range(count))
        raise BackendUnavailable(f"device {name!r} was asked for; there are: {there}")
    return torch.device("cuda", index)


def dtype_named(name: str, device: Any) -> Any:
    """The torch type of "auto", "float32", "bfloat16" or "float16".

    "auto" is float32 on a CPU, where few have the short types in hardware, and on a GPU bfloat16, or float16 on those
    without it.
    """
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Bars are for terminals; in the log of a node each step of one is a line."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _source(reference: str) -> tuple[str, str]:
    """What transformers loads from, and the name that answers carry."""
    shipped = shipped_checkpoints()
    if reference in shipped:
        return str(shipped[reference]), reference
    folder = Path(reference).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BackendUnavailable(f"the folder {str(folder)!r} holds no checkpoint: it has no config.json")
        return str(folder), folder.resolve().name
    if _HUB_NAME.fullmatch(reference) and not reference.startswith((".", "~")):
        return reference, reference
    raise BackendUnavailable(
        f"there is no checkpoint {reference!r}; accepted: a folder that exists, a name on the Hugging Face hub "
        f"(organisation/model), or one that came with this package ({', '.join(sorted(shipped)) or 'none did'})"
    )


def _in_words(reference: str, source: str, error: Exception) -> str:
    """Why loading failed and what to do, in one sentence."""
    said = " ".join(str(error).split())
    shown = f"({type(error).__name__}: {said[:_SHOWN_CHARACTERS]})"
    if "trust_remote_code" in said:
        return f"{reference} brings Python code of its own; if you trust it, set trust_remote_code to true {shown}"
    if isinstance(error, ImportError):
        return f"{reference} needs a Python package that is absent; install it {shown}"
    if not Path(source).is_dir():
        if is_offline_mode():
            return (
                f"{reference} is neither a folder here nor in the local cache of the hub, and HF_HUB_OFFLINE forbids "
                f"to download it; download it first, or name a folder {shown}"
            )
        return (
            f"{reference} is no folder here and the hub did not give it; check the name, the network and, for one "
            f"behind a licence, `hf auth login` {shown}"
        )
    if not any(Path(source).glob("*.safetensors")):
        return (
            f"{reference} holds no *.safetensors; other formats can run code when they are read and are refused: save "
            f"it anew with save_pretrained {shown}"
        )
    return f"{reference} cannot be loaded as an image-text-to-text model {shown}"


def _require_whole(name: str, processor: Any, report: Any) -> None:
    if getattr(processor, "tokenizer", None) is None or getattr(processor, "image_processor", None) is None:
        raise BackendUnavailable(f"{name} brings no processor for pictures with text, only {type(processor).__name__}")
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackendUnavailable(
            f"{name} lacks {len(missing)} of its model's weights, which would be random (the first: {missing[0]}); "
            f"download it anew"
        )
