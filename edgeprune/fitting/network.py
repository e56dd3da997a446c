"""A network on its way through a fit: the module, its channel groups, and how it is kept on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from edgeprune.atomic import file, write_text
from edgeprune.model.exits import WithExit
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.blocks import Block, without
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.groups import find_groups
from edgeprune.prune.surgery import apply_widths


@dataclass(frozen=True, eq=False)
class Network:
    """A module in evaluation mode with what tracing found out about it.

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
        """Whether its second answer is an early exit's (`fitting/early_exit.py`)."""
        return isinstance(self.module, WithExit)

    def with_module(self, module: nn.Module) -> Network:
        """The same network with a module of the same shapes."""
        return replace(self, module=module)

    def save(self, folder: Path) -> None:
        """`weights.safetensors`, `blocks.json` (those removed) and `widths.json`; they count once the last is there."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().contiguous() for name, value in self.module.state_dict().items()}
        with file(folder / "weights.safetensors") as temporary:
            save_file(state, temporary)
        write_text(folder / "blocks.json", json.dumps([asdict(block) for block in self.removed], indent=1) + "\n")
        write_text(folder / "widths.json", json.dumps(self.widths, indent=1) + "\n")

    def load_thinned(self, folder: Path, input_shape: tuple[int, ...]) -> Network:
        """The network saved in `folder`, which was made from this one by removing blocks and then channels."""
        widths = json.loads((folder / "widths.json").read_text())
        removed = tuple(block_of(noted) for noted in json.loads((folder / "blocks.json").read_text()))
        gone = [block for block in removed if block not in self.removed]
        whole = Network.of(without(self.module, gone), input_shape) if gone else self
        module = apply_widths(whole.module, whole.groups, widths)
        module.load_state_dict(load_file(folder / "weights.safetensors"))
        return Network.of(module, input_shape, removed)


def block_of(noted: Mapping[str, Any]) -> Block:
    """A block as JSON has it."""
    return Block(noted["name"], tuple(noted["passed_over"]), noted["silenced"], tuple(noted["layers"]))
