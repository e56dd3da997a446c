"""A network on its way through a fit: the module, its channel groups, and how it is kept on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from edgeprune.atomic import file, write_text
from edgeprune.model.exits import WithExit
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.groups import find_groups
from edgeprune.prune.surgery import apply_widths


@dataclass(frozen=True, eq=False)
class Network:
    """A module in evaluation mode with what tracing found out about it."""

    module: nn.Module
    traced: TracedModel
    groups: ChannelGroups

    @staticmethod
    def of(module: nn.Module, input_shape: tuple[int, ...]) -> Network:
        """Traces the module.

        Args:
            input_shape: of one sample, as torch has it.

        Raises:
            ModelError: it cannot be traced.
        """
        module.eval()
        traced = trace(module, (1, *input_shape))
        return Network(module, traced, find_groups(traced))

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
        """`weights.safetensors` and `widths.json`; the pair counts once the second is there."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().contiguous() for name, value in self.module.state_dict().items()}
        with file(folder / "weights.safetensors") as temporary:
            save_file(state, temporary)
        write_text(folder / "widths.json", json.dumps(self.widths, indent=1) + "\n")

    def load_thinned(self, folder: Path, input_shape: tuple[int, ...]) -> Network:
        """The network saved in `folder`, which was thinned from this one."""
        widths = json.loads((folder / "widths.json").read_text())
        module = apply_widths(self.module, self.groups, widths)
        module.load_state_dict(load_file(folder / "weights.safetensors"))
        return Network.of(module, input_shape)
