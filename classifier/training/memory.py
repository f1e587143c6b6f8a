"""How many photos fit into the memory at once in fine-tuning, estimated before the first step.

A CPU gives no error when memory runs out: the system ends the program.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..device import Device, free_memory
from ..errors import DataError
from ..messages.training import TrainingCode

_SHARE = 2  # half of the free memory is used
_WEIGHT_COPIES = 6  # gradients, two moments of the optimizer, the best weights, and two while the state is saved


def limit_micro_batch(network: nn.Module, one: Tensor, device: Device, batch: int, retries: int) -> int:
    """Return how many photos a forward pass may have at most.

    Args:
        network: what is trained.
        one: the input of a photo (1, …).
        device: computes ``device.workers`` pieces of a batch at a time where it is a CPU.
        batch: photos in a step.
        retries: how often the training ended the program; the number is halved each time.

    Raises:
        DataError: not even one photo fits.
    """
    threads = device.workers if device.is_cpu else 1
    most = -(-batch // threads) if retries else 2 * batch
    if device.is_cpu and (free := free_memory()) is not None:
        most = min(most, fitting(network, one, free, threads))
    return max(1, most >> retries)


def fitting(network: nn.Module, one: Tensor, free: int, threads: int) -> int:
    """Return the power of two of photos that ``threads`` passes at once may have in ``free`` bytes of memory.

    Raises ``DataError`` where not even one photo fits.
    """
    weights = sum(value.nbytes for value in network.state_dict().values())
    photo = activation_bytes(network, one)
    left = (free - _WEIGHT_COPIES * weights) // _SHARE
    if left < photo:
        raise DataError(TrainingCode.TOO_LITTLE_MEMORY, needed=_WEIGHT_COPIES * weights + _SHARE * photo, free=free)
    count = max(1, left // (threads * photo))
    return 1 << (count.bit_length() - 1)


def activation_bytes(network: nn.Module, one: Tensor) -> int:
    """Return about how much memory the gradient of one photo (1, …) takes: the outputs of all layers, in float32.

    Measured on four kinds of networks it takes a half to four fifths of that.
    """
    total = 0

    def count(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel() * 4

    hooks = [module.register_forward_hook(count) for module in network.modules() if not list(module.children())]
    try:
        with torch.inference_mode():
            network(one.float())
    finally:
        for hook in hooks:
            hook.remove()
    return max(1, total)
