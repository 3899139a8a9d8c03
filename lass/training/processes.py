"""Training on several devices: one process for each, the same weights in all, a part of every batch in each.

The processes are started by ``torchrun``. Each makes its own rows of a batch, so that a run does not depend on how
many there are, but for rounding and for what dropout draws: gradients and the statistics of norms are averaged over
all rows of a batch. The first process alone measures, logs and saves. What a launcher of its own would add to these few
calls of :mod:`torch.distributed` is not needed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from lass.errors import LassError

PATIENCE = timedelta(days=7)
"""How long the first process may prepare what all of them need."""


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is. One alone needs no other."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process measures, logs and saves."""
        return self.rank == 0

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process goes first, so that the others find what it has made, however long it takes."""
        # A group of its own: the others' would give up within minutes, and a large collection is decoded for hours.
        group = distributed.new_group(backend="gloo", timeout=PATIENCE) if self.count > 1 else None
        if not self.first:
            self._wait(group)
        yield
        if self.first:
            self._wait(group)

    def average(self, tensor: Tensor) -> Tensor:
        """The mean of a tensor over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(tensor)
            tensor /= self.count
        return tensor

    def average_gradients(self, model: nn.Module) -> None:
        """Every process goes on with the mean of all gradients, as if it had seen the whole batch."""
        if self.count == 1:
            return
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        # One message for all: a hundred small ones cost more than they carry.
        flat = self.average(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in all of them."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def share_norms(self, model: nn.Module) -> None:
        """Let every batch norm see the statistics of the whole batch instead of this process's rows."""
        if self.count == 1:
            return
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                # The same weights and buffers under the same names, so that checkpoints do not change.
                module.__class__ = SharedBatchNorm

    def _wait(self, group: distributed.ProcessGroup | None) -> None:
        if group is not None:
            distributed.barrier(group)


ALONE = Processes()


def join(rank: int, count: int, *, device: str, address: str = "env://") -> Processes:
    """Meet the other processes that the launcher started.

    Args:
        rank: number of this process, from 0.
        count: of processes.
        device: what this process computes on; no two processes share a CUDA device.
        address: where they meet, as :func:`torch.distributed.init_process_group` understands it; by default what
            ``torchrun`` wrote into the environment.

    Raises:
        LassError: the device is not there, or the others cannot be met.
    """
    if count == 1:
        return ALONE
    cuda = torch.device(device).type == "cuda"
    if cuda:
        if (torch.device(device).index or 0) >= torch.cuda.device_count():
            raise LassError(
                f"Process {rank} of {count} has no device {device}; start one process for each device that is there."
            )
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if cuda else "gloo", address, rank=rank, world_size=count)
    except (RuntimeError, ValueError) as error:
        raise LassError(
            f"Process {rank} of {count} does not find the others; start all of them by torchrun on machines that "
            "reach each other."
        ) from error
    return Processes(rank, count)


def leave(processes: Processes) -> None:
    """Part from the other processes at the end of a run."""
    if processes.count > 1 and distributed.is_initialized():
        distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; every process's loss depends on every process's tensor."""

    @staticmethod
    def forward(_context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class SharedBatchNorm(nn.BatchNorm2d):
    """A batch norm over the rows of all processes, which hold equally many.

    Torch's own, ``SyncBatchNorm``, works on CUDA alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, …)`` to the same shape, in training by the statistics of all processes' rows."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        wide = x.float()
        around = (0, *range(2, x.ndim))
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        mean = _Sum.apply(wide.sum(around)) / count
        centred = wide - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum(around)) / count
        with torch.no_grad():
            momentum = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / max(1, count - 1)), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scaled = centred * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            scaled = scaled * self.weight[:, None, None] + self.bias[:, None, None]
        return scaled.to(x.dtype)
