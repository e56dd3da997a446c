"""How many channels each group keeps, so that flash AND peak RAM AND latency hold with the least predicted damage.

Damage is a sum over groups of a measured curve (`damage_curves.py`). The limits are not: RAM binds only at the peak,
and thinning one group of a residual does nothing until its partners follow. So candidates are compared in batches on a
closed-form size model, first descending until every limit holds, then trading channels between pairs of groups; the
planner's exact figures of the result then correct the size model's limits, and the search goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from edgeprune.budget import Budget, Footprint
from edgeprune.errors import DoesNotFit
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.units import bytes_text, microseconds_text

Widths = Mapping[str, int]
_STRIDES = (1, 2, 4, 8)
_CORRECTIONS = 12
_KICKS = 80
_EVALUATIONS = 1_000_000
_EXACT_CALLS, _EXACT_TRIES = 400, 60
_SMALL = 10_000  # candidates
_FAR_OVER, _A_LITTLE_OVER = 1.0, 0.05  # of a limit, as the size model has it


@dataclass(frozen=True)
class GroupChoice:
    """What one group may keep.

    Attributes:
        group: its name.
        widths: channel counts it may have, ascending; the last is the full width.
        damage: predicted loss increase at each of them; 0 at full width.
    """

    group: str
    widths: tuple[int, ...]
    damage: tuple[float, ...]


@dataclass(frozen=True)
class Allocation:
    widths: Widths
    damage: float
    footprint: Footprint


def allocate(
    choices: Sequence[GroupChoice],
    model: SizeModel,
    exact: Callable[[Widths], Footprint],
    budget: Budget,
) -> Allocation:
    """The least damaging widths whose exact footprint is within the budget.

    Args:
        choices: one per group, in the size model's group order.
        model: closed-form sizes.
        exact: planned footprint of given widths.
        budget: limits of the whole image and all RAM.

    Raises:
        DoesNotFit: even the smallest widths break a limit, or the network as it is where no channel can go; the message
            names the limit and the largest part.
    """
    if not choices:
        return _as_it_is(exact({}), budget)
    search = _Search(choices, model, exact, budget)
    smallest = search.footprint(np.zeros(len(choices), dtype=int))
    if smallest.exceeds(budget):
        raise DoesNotFit(_unreachable(smallest, budget), hint=_remedy(smallest, budget))
    full = np.array([len(choice.widths) - 1 for choice in choices])
    if not search.footprint(full).exceeds(budget):
        return search.allocation(full)

    widths = full
    for _ in range(_CORRECTIONS):
        widths = search.improve(search.descend(widths))
        if not search.correct(widths):
            break
    candidates = [np.zeros_like(full), widths, search.explore(widths)]
    fitting = [candidate for candidate in candidates if not search.footprint(candidate).exceeds(budget)]
    return search.allocation(search.polish(min(fitting, key=search.damage_of)))


def _as_it_is(footprint: Footprint, budget: Budget) -> Allocation:
    """Where no channel can go."""
    if footprint.exceeds(budget):
        raise DoesNotFit(
            f"no channel of this network can be removed, and {_unreachable(footprint, budget)}",
            hint=_remedy(footprint, budget),
        )
    return Allocation({}, 0.0, footprint)


class _Search:
    """A candidate is a vector of indices into each group's `widths`."""

    def __init__(
        self,
        choices: Sequence[GroupChoice],
        model: SizeModel,
        exact: Callable[[Widths], Footprint],
        budget: Budget,
    ):
        self._choices = choices
        self._model = model
        self._exact = exact
        self._budget = budget
        self._known: dict[tuple[int, ...], Footprint] = {}
        levels = max(len(choice.widths) for choice in choices)
        self._widths = np.zeros((len(choices), levels))
        self._damage = np.zeros((len(choices), levels))
        for row, choice in enumerate(choices):
            self._widths[row, : len(choice.widths)] = choice.widths
            self._damage[row, : len(choice.widths)] = choice.damage
        self._top = np.array([len(choice.widths) - 1 for choice in choices])
        full = exact(self.widths(self._top))
        sizes = model.sizes(self._widths_of(self._top[None]))
        # exact = scale * model + offset; the offsets are parts that do not shrink, the scales get corrected
        self._flash_offset = full.flash_bytes - float(sizes.flash_bytes[0])
        self._ram_offset = full.needed_ram_bytes - full.activation_bytes
        # One for each operator: some work in place, some need scratch.
        self._ram_scales = np.full(sizes.live_bytes.shape[1], full.activation_bytes / float(sizes.live_bytes.max()))
        work = float(sizes.op_work.sum())
        self._latency_scale = (full.judged_us or 0.0) / work
        self._pairs = np.array(
            [(a, b, -i, j) for a, b in permutations(range(len(choices)), 2) for i in _STRIDES for j in _STRIDES],
            dtype=int,
        ).reshape(-1, 4)

    def _widths_of(self, candidates: np.ndarray) -> np.ndarray:
        return np.asarray(self._widths[np.arange(len(self._choices)), candidates])

    def damages(self, candidates: np.ndarray) -> np.ndarray:
        return np.asarray(self._damage[np.arange(len(self._choices)), candidates].sum(axis=1))

    def damage_of(self, candidate: np.ndarray) -> float:
        return float(self.damages(candidate[None])[0])

    def footprint(self, candidate: np.ndarray) -> Footprint:
        key = tuple(int(level) for level in candidate)
        if key not in self._known:
            self._known[key] = self._exact(self.widths(candidate))
            self._learn(candidate, self._known[key].activation_bytes)
        return self._known[key]

    def _learn(self, candidate: np.ndarray, activation_bytes: int) -> None:
        """Makes the RAM scales agree with one plan, which no operator needs more activations than, and one all of."""
        live = self._model.sizes(self._widths_of(candidate[None])).live_bytes[0]
        self._ram_scales = np.minimum(self._ram_scales, activation_bytes / live)
        fullest = int((live * self._ram_scales).argmax())
        self._ram_scales[fullest] = activation_bytes / live[fullest]

    def widths(self, candidate: np.ndarray) -> Widths:
        return {choice.group: choice.widths[level] for choice, level in zip(self._choices, candidate, strict=True)}

    def allocation(self, candidate: np.ndarray) -> Allocation:
        return Allocation(self.widths(candidate), self.damage_of(candidate), self.footprint(candidate))

    def _violation(self, candidates: np.ndarray) -> np.ndarray:
        """(K,) how far over the limits, every operator over the RAM limit counted, so that progress shows."""
        sizes = self._model.sizes(self._widths_of(candidates))
        flash = (sizes.flash_bytes + self._flash_offset) / self._budget.flash_bytes
        ram = (sizes.live_bytes * self._ram_scales + self._ram_offset) / self._budget.ram_bytes
        over = np.maximum(flash - 1, 0) + np.maximum(ram - 1, 0).sum(axis=1)
        if self._budget.latency_us is not None:
            latency = sizes.op_work.sum(axis=1) * self._latency_scale / self._budget.latency_us
            over = over + np.maximum(latency - 1, 0)
        return np.asarray(over)

    def _moved(self, candidate: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Candidates after `moves` (K, 4): group, group, step, step; out-of-range steps are cut to the range."""
        moved = np.repeat(candidate[None], len(moves), axis=0)
        rows = np.arange(len(moves))
        moved[rows, moves[:, 0]] += moves[:, 2]
        moved[rows, moves[:, 1]] += moves[:, 3]
        return np.asarray(np.clip(moved, 0, self._top))

    def descend(self, start: np.ndarray) -> np.ndarray:
        """Remove channels where they bring most relief for least damage, until the size model predicts a fit."""
        groups = np.arange(len(self._choices))
        singles = np.array([(g, g, -s, 0) for g in groups for s in _STRIDES], dtype=int)
        pairs = np.array([(a, b, -s, -s) for a in groups for b in groups if a < b for s in _STRIDES], dtype=int)
        moves = np.concatenate([singles, pairs.reshape(-1, 4)])
        candidate = start.copy()
        violation = float(self._violation(candidate[None])[0])
        while violation > 0 and candidate.any():
            moved = self._moved(candidate, moves)
            after = self._violation(moved)
            cost = np.maximum(self.damages(moved) - self.damage_of(candidate), 0) + 1e-9
            relief = violation - after
            score = np.where(relief > 1e-12, relief / cost, 0.0)
            chosen = int(score.argmax())
            # where no move helps, one operator holds several groups: then everything gives a little
            candidate = moved[chosen] if score[chosen] > 0 else np.maximum(candidate - 1, 0)
            violation = float(self._violation(candidate[None])[0])
        return candidate

    def improve(self, start: np.ndarray) -> np.ndarray:
        """Give channels back, or trade them between two groups, while damage falls and the size model's limits hold."""
        candidate = start.copy()
        while True:
            moved = self._trades(candidate)
            gain = self.damage_of(candidate) - self.damages(moved)
            promising = np.flatnonzero(gain > 1e-12)
            feasible = promising[self._violation(moved[promising]) <= 0] if len(promising) else promising
            if len(feasible) == 0:
                return candidate
            candidate = moved[feasible[gain[feasible].argmax()]]

    def explore(self, start: np.ndarray) -> np.ndarray:
        """Iterated local search: kick a few groups at random (fixed seed), mend, improve; keep what is better."""
        random = np.random.default_rng(0)
        best, moves_each = start, len(self._pairs) + 1
        kicks = min(_KICKS, max(4, _EVALUATIONS // (20 * moves_each)))
        for _ in range(kicks):
            kicked = best.copy()
            groups = random.choice(len(best), size=min(len(best), int(random.integers(2, 5))), replace=False)
            kicked[groups] = random.integers(0, self._top[groups] + 1)
            mended = self.improve(self.descend(kicked))
            if self.damage_of(mended) < self.damage_of(best) - 1e-12 and self._violation(mended[None])[0] <= 0:
                best = mended
        return best

    def correct(self, candidate: np.ndarray) -> bool:
        """Make the size model agree with the planner at this candidate. False when it already did."""
        scales = self._ram_scales
        footprint = self.footprint(candidate)
        sizes = self._model.sizes(self._widths_of(candidate[None]))
        flash_offset = footprint.flash_bytes - float(sizes.flash_bytes[0])
        work = float(sizes.op_work.sum())
        latency_scale = (footprint.judged_us or 0.0) / work
        agreed = (
            bool(np.all(np.abs(self._ram_scales / scales - 1) < 1e-6))
            and abs(flash_offset - self._flash_offset) < 1
            and abs(latency_scale - self._latency_scale) <= 1e-6 * self._latency_scale
        )
        self._flash_offset, self._latency_scale = flash_offset, latency_scale
        return not agreed

    def polish(self, start: np.ndarray) -> np.ndarray:
        """Better candidates judged by exact footprints: trades, and all there are where that is not too many."""
        traded = self._polish(start, self._trades, _EXACT_TRIES)
        return self._polish(traded, self._all, _EXACT_CALLS) if np.prod(self._top + 1.0) <= _SMALL else traded

    def _polish(self, start: np.ndarray, near: Callable[[np.ndarray], np.ndarray], exact_tries: int) -> np.ndarray:
        """Most promising first, until `exact_tries` in a row do not fit; a bounded number in all."""
        candidate, exact_calls_left = start, _EXACT_CALLS
        while exact_calls_left > 0:
            others = near(candidate)
            gain = self.damage_of(candidate) - self.damages(others)
            over = self._violation(others)
            promise = np.where((gain > 1e-12) & (over < _FAR_OVER), gain / (1 + over / _A_LITTLE_OVER), 0)
            order = [int(index) for index in np.argsort(-promise)[:exact_tries] if promise[index] > 0]
            for index in order:
                exact_calls_left -= 1
                if not self.footprint(others[index]).exceeds(self._budget):
                    candidate = others[index]
                    break
            else:
                return candidate
        return candidate

    def _trades(self, candidate: np.ndarray) -> np.ndarray:
        """One group gains, with or without another losing."""
        singles = np.array([(g, g, s, 0) for g in range(len(self._choices)) for s in _STRIDES], dtype=int)
        return self._moved(candidate, np.concatenate([singles, self._pairs]))

    def _all(self, _candidate: np.ndarray) -> np.ndarray:
        return np.stack(np.meshgrid(*map(np.arange, self._top + 1), indexing="ij"), -1).reshape(-1, len(self._top))


def _unreachable(smallest: Footprint, budget: Budget) -> str:
    lines = []
    if smallest.flash_bytes > budget.flash_bytes:
        part, part_bytes = max(smallest.flash_parts.items(), key=lambda item: item[1])
        lines.append(
            f"the smallest reachable flash is {bytes_text(smallest.flash_bytes)}, the limit is "
            f"{bytes_text(budget.flash_bytes)}; {bytes_text(part_bytes)} of it is {part}"
        )
    if smallest.ram_bytes > budget.ram_bytes:
        parts = ", ".join(f"{name} {bytes_text(size)}" for name, size in smallest.ram_parts.items())
        lines.append(
            f"the smallest reachable RAM is {bytes_text(smallest.ram_bytes)} ({parts}), the limit is "
            f"{bytes_text(budget.ram_bytes)}; the arena's peak is at {smallest.peak_layer}"
        )
    if budget.latency_us is not None and smallest.judged_us is not None and smallest.judged_us > budget.latency_us:
        lines.append(
            f"the shortest reachable latency is {microseconds_text(smallest.judged_us)} (predicted), the limit is "
            f"{microseconds_text(budget.latency_us)}"
        )
    return "; ".join(lines)


def _remedy(smallest: Footprint, budget: Budget) -> str:
    if smallest.ram_bytes > budget.ram_bytes and smallest.flash_bytes <= budget.flash_bytes:
        return (
            f"run the first layers row by row (--ram-first), give it --ram {smallest.ram_bytes}, a smaller input, or "
            f"fewer channels around {smallest.peak_layer}"
        )
    if smallest.flash_bytes > budget.flash_bytes:
        return f"give it --flash {smallest.flash_bytes}, or choose a larger target (`edgeprune targets list`)"
    return "raise --latency, or choose a faster target (`edgeprune targets list`)"
