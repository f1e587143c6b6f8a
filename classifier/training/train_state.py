"""Settings of a fine-tuning run, and the state that is saved after each of its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..config import Optimizer
from ..device import Device
from ..events import Epoch
from .depthwise import speed_up_depthwise
from .optimizer import build_optimizer, parameter_groups

_SCALER = ("scale", "_growth_tracker")
_PROGRESS = {"summary", "history"}


@dataclass(frozen=True, kw_only=True)
class FineTuneSpec:
    """Settings of a fine-tuning run.

    ``batch`` is the number of images per step and ``learning_rate`` that of the last stage. ``from_scratch`` networks
    start from random weights: their batch norms train, too. With ``hflip`` each image is flipped from left to right in
    every epoch with a probability of one half. ``epochs_before`` and ``epochs_after`` are those of the runs before and
    after this one, and ``on_all`` whether it is on all photos, for the progress of all of them.
    """

    epochs: int
    batch: int
    learning_rate: float
    optimizer: Optimizer = "adamw"
    seed: int = 0
    from_scratch: bool = False
    hflip: bool = False
    epochs_before: int = 0
    epochs_after: int = 0
    on_all: bool = False


class TrainState:
    """A network in training and everything the next epoch depends on; ``network`` is moved to the device in place.

    ``tensors`` is the network's state after the last whole epoch, or where a pause was saved. ``step`` counts the
    batches that are done of the epoch under way, and ``totals`` are their loss and the numbers of images that were
    classified correctly and of all. ``micro_batch`` is the largest number of images in
    one forward pass; it is halved when memory runs out.
    """

    def __init__(
        self, network: nn.Module, head: str, stages: Sequence[Sequence[str]], spec: FineTuneSpec, device: Device
    ) -> None:
        self.device = device
        self.network = network.to(device.torch_device).to(memory_format=torch.channels_last)
        self.network.eval().requires_grad_(True)
        if device.is_cpu:
            speed_up_depthwise(self.network)
        groups = parameter_groups(self.network, head, stages, spec.learning_rate)
        self.optimizer = build_optimizer(groups, spec.optimizer)
        self.scaler = torch.amp.GradScaler(device.torch_device.type, enabled=device.dtype == torch.float16)
        self.micro_batch = 2 * spec.batch  # batches are not all of one size
        self.epoch = self.step = 0
        self.totals = (0.0, 0, 0)
        self.train_loss = self.train_accuracy = float("nan")  # of the last epoch
        self.tensors = to_cpu(self.network.state_dict())
        self.history: list[Epoch] = []

    def is_finished(self, spec: FineTuneSpec) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= spec.epochs

    def drop_optimizer(self) -> None:
        """Forget the optimizer's state: the last epoch is done."""
        self.optimizer.state.clear()

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything the rest of the training depends on, as one flat dictionary of tensors."""
        optimizer = self._flat_optimizer_state() if self.optimizer.state else {}
        scaler = self.scaler.state_dict()  # empty where it is disabled
        summary = [self.epoch, self.step, *self.totals, self.micro_batch, bool(optimizer)]
        summary += [scaler.get(name, 0) for name in _SCALER]
        tensors = {
            "summary": torch.tensor(summary, dtype=torch.float64),
            "history": torch.tensor([astuple(epoch) for epoch in self.history], dtype=torch.float64),
            **{f"network.{name}": value for name, value in self.network.state_dict().items()},
            **{f"optimizer.{name}": value for name, value in optimizer.items()},
        }
        return to_cpu({name: value for name, value in tensors.items() if isinstance(value, Tensor)})

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continue, from a new state, with what ``state_dict`` returned.

        Raises ``ValueError`` and changes nothing where a tensor is missing, unknown or of another shape.
        """
        summary = tensors.get("summary", torch.zeros(9)).tolist()
        epoch, step, loss, correct, count, micro_batch, stepped, scale, growth_tracker = summary
        optimizer = self._flat_optimizer_state() if stepped else {}
        expected = {f"network.{name}": value for name, value in self.tensors.items()}
        expected |= {f"optimizer.{name}": value for name, value in optimizer.items() if isinstance(value, Tensor)}
        found = {name: value.shape for name, value in tensors.items() if name not in _PROGRESS}
        if found != {name: value.shape for name, value in expected.items()} or not tensors.keys() >= _PROGRESS:
            self.optimizer.state.clear()  # torch fills it in order to flatten it
            raise ValueError("the tensors are not those of this network and optimizer")
        self.epoch, self.step, self.micro_batch = int(epoch), int(step), int(micro_batch)
        self.totals = loss, int(correct), int(count)
        self.history = [_epoch(row) for row in tensors["history"].tolist()]
        self.tensors = _with_prefix(tensors, "network.")
        self.network.load_state_dict(self.tensors)
        if stepped:  # in half precision all steps so far may have overflowed
            self._set_flat_optimizer_state({**optimizer, **_with_prefix(tensors, "optimizer.")})
        if self.scaler.is_enabled():
            values = dict(zip(_SCALER, (scale, int(growth_tracker))))
            self.scaler.load_state_dict({**self.scaler.state_dict(), **values})

    def _flat_optimizer_state(self) -> dict[str, Any]:
        from torch.distributed.checkpoint import state_dict as torch_state  # a second that quick training does not need

        options = torch_state.StateDictOptions(flatten_optimizer_state_dict=True)
        return torch_state.get_optimizer_state_dict(self.network, self.optimizer, options=options)

    def _set_flat_optimizer_state(self, state: dict[str, Any]) -> None:
        from torch.distributed.checkpoint import state_dict as torch_state

        options = torch_state.StateDictOptions(flatten_optimizer_state_dict=True)
        torch_state.set_optimizer_state_dict(self.network, self.optimizer, state, options=options)


def _epoch(row: Sequence[float]) -> Epoch:
    number, total, loss, accuracy, val_loss, val_accuracy, best = row
    return Epoch(int(number), int(total), loss, accuracy, val_loss, val_accuracy, int(best))


def to_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU, contiguous."""
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
