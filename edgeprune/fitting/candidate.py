"""A thinned network made on its target, and what it is worth there."""

from __future__ import annotations

from edgeprune.deploy.protocol import Candidate
from edgeprune.fitting.job import Job
from edgeprune.model.answers import Answer, rebuilt
from edgeprune.prune.network import Network
from edgeprune.quantize.exit_rule import combined_outputs
from edgeprune.train.metrics import Metric
from edgeprune.train.splits import Split


def make_candidate(job: Job, network: Network, stage: str) -> Candidate:
    """The network exported, built and run.

    Raises:
        ModelError: it cannot be exported.
        ToolchainError, DeviceError: it cannot be built or run.
    """
    return job.deployment.export(network.module, stage).build(network)


def deployed_answer(candidate: Candidate, split: Split) -> Answer:
    """What the device returns over a split, as computed on this machine, in the form the network has."""
    outputs, leaving = candidate.artifact.outputs(split), candidate.early_exit
    if leaving is not None:
        own, early = outputs
        outputs = [combined_outputs(own, early, leaving.margin)]
    return rebuilt(candidate.network.traced.recording.answer, candidate.artifact.real(outputs))


def evaluate_deployed(candidate: Candidate, split: Split, metric: Metric) -> float:
    """The metric of the device's outputs, as computed on this machine, over a split."""
    return float(metric.score(deployed_answer(candidate, split), split.targets))
