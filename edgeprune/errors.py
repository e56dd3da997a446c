"""Every error EdgePrune raises on purpose, and the exit code each one ends the command line with.

    EdgePruneError            1   anything else
    ├── UsageError            2   bad flags, project file, target name or file
    ├── ModelError            1   the network cannot be loaded, traced, thinned or exported
    │   └── UnsupportedOp     1   an operator outside the engine's set, named with its layer
    ├── DataError             1   samples or labels that cannot be used
    ├── DoesNotFit            3   a flash, RAM, latency or accuracy limit cannot be met
    ├── DeviceError           4   no device, port busy, no answer, garbled answer
    ├── PlanError             1   a memory plan in which two live tensors share bytes: a bug, never shipped
    ├── VerificationError     5   the device computed other bytes than the host
    └── ToolchainError        6   compiler or emulator missing, or it failed

A message states what is wrong, with the values; `hint` what to do about it.
"""

from __future__ import annotations


class EdgePruneError(Exception):
    """Base of all deliberate errors.

    Args:
        message: what is wrong, with the values, one or a few short lines.
        hint: the remedy, or None where there is none to offer.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EdgePruneError):
    exit_code = 2


class ModelError(EdgePruneError):
    pass


class UnsupportedOp(ModelError):
    pass


class DataError(EdgePruneError):
    pass


class DoesNotFit(EdgePruneError):
    exit_code = 3


class DeviceError(EdgePruneError):
    exit_code = 4


class PlanError(EdgePruneError):
    pass


class VerificationError(EdgePruneError):
    exit_code = 5


class ToolchainError(EdgePruneError):
    exit_code = 6
