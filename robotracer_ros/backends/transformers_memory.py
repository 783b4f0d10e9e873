"""When a model's memory runs out: telling it from other failures, in numbers, and recovering."""

from __future__ import annotations

import gc
from typing import Any, Final

import torch

_GIB: Final = 1 << 30


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, of a GPU or of this machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch has no class of its own for the allocator of the CPU.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def memory_in_words(device: Any) -> str:
    """How much memory ``device`` has, and how much of it is taken by whom."""
    if device.type != "cuda":
        return "this machine's memory ran out"
    free, total = torch.cuda.mem_get_info(device)
    ours = torch.cuda.memory_reserved(device)
    return (
        f"{torch.cuda.get_device_name(device)} ({device}) has {total / _GIB:.1f} GiB, {free / _GIB:.1f} free, "
        f"{ours / _GIB:.1f} held by this process"
    )


def give_back_memory() -> None:
    """Hand memory that nothing refers to any more back to the driver."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
