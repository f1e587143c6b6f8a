"""Codes of devices that cannot be used, and of several processes."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class DeviceCode(Code):
    """Why a device cannot be used."""

    UNKNOWN = "There is no device called “{name}”; choose cpu, cuda, cuda:1 or mps."
    NO_CUDA = "The device “{name}” was asked for, but this machine has no usable NVIDIA GPU."
    NO_MPS = "The device “{name}” was asked for, but this machine has no usable Apple GPU."
    LEASE_LOST = "The shared GPU was refused, or taken back before the work was done; try again in a few minutes."


@unique
class ProcessCode(EnglishCode):
    """What ends a run of several processes, which only the command line starts."""

    LOST = (
        "Another process of this run has ended or cannot be reached any more: start the same command again on every "
        "machine; a training goes on where it was."
    )
    DIFFERENT = (
        "Process {number} has other photos, settings or another model than the first one: start the same command with "
        "the same photos on every machine."
    )
