"""Several processes that train one model: each draws pictures of its own, and they share their gradients.

On a few CPU cores this is faster than one process with as many threads: the matrices of a small model are too small to
be divided, and a core that is busy with something else holds up one step, not every layer of it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import distributed, multiprocessing


def run_processes(count: int, work: Callable[..., None], *arguments: Any) -> None:
    """Call ``work(rank, *arguments)`` in ``count`` processes of one thread each, ranks from 0; wait for all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Otherwise the processes outlive one that is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    multiprocessing.spawn(_joined, (count, port, work, arguments), nprocs=count, daemon=True)


def average_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Replace each process' gradients by the mean of all; nothing where training runs in one process."""
    if not distributed.is_initialized():
        return
    gradients = [torch.zeros_like(parameter) if parameter.grad is None else parameter.grad for parameter in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for parameter, mean in zip(parameters, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        parameter.grad = mean.view_as(parameter)


def _joined(rank: int, count: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=count)
    try:
        work(rank, *arguments)
    finally:
        distributed.destroy_process_group()
