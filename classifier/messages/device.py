"""Codes of devices that cannot be used."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class DeviceCode(Code):
    """Why a device cannot be used."""

    UNKNOWN = "There is no device called “{name}”; choose cpu, cuda, cuda:1 or mps."
    NO_CUDA = "The device “{name}” was asked for, but this machine has no usable NVIDIA GPU."
    NO_MPS = "The device “{name}” was asked for, but this machine has no usable Apple GPU."
    LEASE_LOST = "The shared GPU was refused, or taken back before the work was done; try again in a few minutes."
