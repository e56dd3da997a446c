"""Which units of every group stay, and what that means along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import AxisMap, ChannelGroups

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Kept:
    """Attributes:
    starts: where each group's units begin in `stays`.
    stays: one flag per unit of all groups, in order.
    widths: how many units of each group stay.
    """

    starts: NDArray[np.int64]
    stays: Bools
    widths: Mapping[str, int]

    def along(self, axis_map: AxisMap) -> Bools:
        """For each position of an axis whether it stays; positions without owner do."""
        if self.starts.size == 0:
            return np.ones(axis_map.group.shape, bool)
        owned = axis_map.group >= 0
        unit = self.starts[np.where(owned, axis_map.group, 0)] + np.where(owned, axis_map.unit, 0)
        return ~owned | self.stays[unit]


def kept(groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> Kept:
    """Args:
        keep: group -> units that stay; a group not named keeps all.

    Raises:
        UsageError: an unknown group, no unit kept, or a unit outside the group.
    """
    unknown = [name for name in keep if name not in groups.by_name]
    if unknown:
        raise UsageError(f"no channel group is called '{unknown[0]}'", hint="edgeprune inspect lists them")
    flags: list[Bools] = [np.zeros(0, bool)]
    widths: dict[str, int] = {}
    for group in groups.groups:
        units = np.asarray(keep.get(group.name, range(group.size)), int)
        if units.size == 0 or units.min() < 0 or units.max() >= group.size:
            raise UsageError(
                f"{group.name} has units 0 to {group.size - 1}; asked to keep {sorted(units.tolist())[:8]}",
                hint="keep at least one channel of every group",
            )
        flag = np.zeros(group.size, bool)
        flag[units] = True
        flags.append(flag)
        widths[group.name] = int(flag.sum())
    sizes = [group.size for group in groups.groups]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(sizes)]
    return Kept(starts, np.concatenate(flags), widths)
