"""Channels zeroed without being removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from edgeprune.model.parameter_owners import parameter_owners
from edgeprune.prune.coupling.channels import ChannelGroups, Role

FILTERS = frozenset({Role.MAKES, Role.BIAS})
ALL = FILTERS | {Role.NORM_SHIFT}


def soft_mask(
    module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]], roles: frozenset[Role] = ALL
) -> None:
    """Zeroes the parameters that make the channels that are not kept, in place: filters, biases, batch norms' shifts
    and means.

    Behind activations that are zero at zero the network then computes the same as without them. The weights that read
    the channels stay as they are.

    Args:
        module: of the shapes the groups were found in.
        keep: group -> units that stay; a group not named keeps all.
        roles: `FILTERS` leaves a batch norm's shift, and with it a constant output: gradients can
            bring the filter back.
    """
    owners = parameter_owners(module)
    with torch.no_grad():
        for group in groups.groups:
            gone = np.setdiff1d(np.arange(group.size), keep.get(group.name, np.arange(group.size)))
            for piece in group.slices:
                is_mean = piece.parameter.endswith("running_mean")
                if piece.role in roles or (is_mean and Role.NORM_SHIFT in roles):
                    tensor = getattr(*owners[piece.parameter][0])
                    places = torch.from_numpy(piece.indices[gone].ravel()).long()
                    tensor.index_fill_(piece.axis, places.to(tensor.device), 0.0)
