"""A network on its way through a fit: the module, its channel groups, and how it is kept on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import nn

from edgeprune.files.atomic import write_bytes, write_text
from edgeprune.model.exits import WithExit
from edgeprune.model.inputs import inputs_of
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.blocks import Block, without
from edgeprune.prune.surgery.thin import apply_widths, widths_of


@dataclass(frozen=True, eq=False)
class Network:
    """A module in evaluation mode with its trace and its channel groups.

    removed: blocks it was left without.
    """

    module: nn.Module
    traced: TracedModel
    groups: ChannelGroups
    removed: tuple[Block, ...] = ()

    @staticmethod
    def of(module: nn.Module, input_shape: tuple[int, ...], removed: tuple[Block, ...] = ()) -> Network:
        """Traces the module.

        Args:
            input_shape: of one sample, as torch has it.

        Raises:
            ModelError: it cannot be traced.
        """
        module.eval()
        traced = trace(module, (1, *input_shape))
        return Network(module, traced, find_groups(traced), removed)

    @property
    def widths(self) -> dict[str, int]:
        return self.groups.full_widths

    @property
    def leaves_early(self) -> bool:
        """Whether its second output is an early exit's (`fitting/early_exit.py`)."""
        return isinstance(self.module, WithExit)

    def with_module(self, module: nn.Module) -> Network:
        """The same network with a module of the same shapes."""
        return replace(self, module=module)

    def save(self, folder: Path) -> None:
        """`weights.safetensors`, `blocks.json` (those removed), `inputs.json` (of several) and `widths.json`; they
        count once the last is there."""
        folder.mkdir(parents=True, exist_ok=True)
        # copies: a layer under two names would share its memory, which safetensors refuses
        state = {name: value.detach().clone().contiguous() for name, value in self.module.state_dict().items()}
        write_bytes(folder / "weights.safetensors", save(state))  # a full disk is then an OSError
        write_text(folder / "blocks.json", json.dumps([asdict(block) for block in self.removed], indent=1) + "\n")
        inputs = inputs_of(self.module)
        if inputs is not None:
            write_text(folder / "inputs.json", json.dumps(inputs.stated()) + "\n")
        write_text(folder / "widths.json", json.dumps(self.widths, indent=1) + "\n")

    def load_thinned(self, folder: Path, input_shape: tuple[int, ...]) -> Network:
        """The network saved in `folder`, which was made from this one by removing blocks and then channels.

        Its own groups need not be this one's: with few channels left, less of it may be able to shrink.
        """
        noted = json.loads((folder / "widths.json").read_text())
        removed = tuple(block_of(noted) for noted in json.loads((folder / "blocks.json").read_text()))
        gone = [block for block in removed if block not in self.removed]
        whole = Network.of(without(self.module, gone), input_shape) if gone else self
        state = load_file(folder / "weights.safetensors")
        module = apply_widths(whole.module, whole.groups, widths_of(state, whole.groups, noted))
        module.load_state_dict(state)
        return Network.of(module, input_shape, removed)


def block_of(noted: Mapping[str, Any]) -> Block:
    """A block as JSON has it."""
    return Block(noted["name"], tuple(noted["bypassed"]), noted["dropped_branch"], tuple(noted["layers"]))
