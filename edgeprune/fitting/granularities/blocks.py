from dataclasses import asdict
from math import isinf

from edgeprune.budget import Budget
from edgeprune.deploy.protocol import Cost
from edgeprune.fitting.depth import choose_blocks
from edgeprune.fitting.granularity import before_channels
from edgeprune.fitting.job import Job
from edgeprune.fitting.recover import shorten_and_recover
from edgeprune.prune.network import Network, block_of


@before_channels("blocks")
def blocks(job: Job, network: Network, cost: Cost, budget: Budget, stage: str) -> Network:
    """Whole layers, blocks and branches of additions, then channels of what is left.

    Any layer or block that keeps its input's shape can go, and any branch that ends in an addition. Which do is decided
    under flash, RAM and latency together: one after the other, as long as the network without it, thinned to the
    limits and its layers re-solved by least squares, comes nearer to the original's outputs. Where channels alone lose
    less, no block goes, which the fit reports.

    Blocks save kernel calls, copies and additions as well, so they pay most under latency and RAM limits that a
    residual network breaks by a lot. Elkerdawy et al., "To Filter Prune, or to Layer Prune, That Is The Question",
    ACCV 2020, arXiv:2007.05667; Chen, Zhao, "Shallowing Deep Networks: Layer-wise Pruning Based on Feature
    Representations", TPAMI 2019. Here the layers behind a removed one are re-solved before its damage is measured.
    """

    def choose() -> list[dict[str, object]]:
        job.progress.note("comparing layers and blocks with channels")
        choice = choose_blocks(job, network, cost, budget)
        names = ", ".join(block.name for block in choice.removed)
        if choice.possible == 0:
            note = "every layer and block changes the shape it gets, or is needed: channels alone"
        elif isinf(choice.damage):
            note = "neither channels nor layers and blocks reach the limits"
        elif not names:
            note = f"{choice.possible} layers and blocks could go; channels alone lose less ({choice.damage:.4g})"
        else:
            alone = "do not suffice" if isinf(choice.by_channels) else f"lose {choice.by_channels:.4g}"
            note = f"without {names}: loses {choice.damage:.4g} in all, where channels alone {alone}"
        job.progress.note(note)
        return [asdict(block) for block in choice.removed]

    chosen = [block_of(noted) for noted in job.workspace.once(f"{stage}: blocks", choose)]
    if not chosen:
        return network
    folder = job.workspace.folder / "steps" / f"{stage}-blocks".replace(" ", "-")

    def remove() -> bool:
        shorter = network
        for block in chosen:
            shorter = shorten_and_recover(job, shorter, block)
        shorter.save(folder)
        return True

    job.workspace.once(f"{stage}: without blocks", remove, folder)
    return network.load_thinned(folder, job.input_shape)
