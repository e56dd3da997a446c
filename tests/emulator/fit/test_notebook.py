"""The Python door: objects in, a run out, the module left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import edgeprune
from edgeprune.errors import DoesNotFit, ModelError, UsageError


def network(features: int = 16) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(features, 512), nn.ReLU(), nn.Linear(512, 2))


def data() -> tuple[np.ndarray, np.ndarray]:
    inputs = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    return inputs, (inputs.sum(axis=1) > 0).astype(np.int64)


def own_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, targets, label_smoothing=0.1)


def own_metric(outputs: Tensor, targets: Tensor) -> Tensor:
    return 100 * (outputs.argmax(1) == targets).float().mean()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> edgeprune.Run:
    inputs, labels = data()
    test = (inputs[160:], labels[160:])
    folder = tmp_path_factory.mktemp("runs")
    return edgeprune.fit(
        network(), (inputs[:160], labels[:160]), test=test, target="cortex-m4", loss=own_loss, metric=own_metric,
        flash="16KiB", epochs=1, runs=folder,
    )  # fmt: skip


def test_a_run_has_the_record_the_thinned_module_and_the_file(run: edgeprune.Run) -> None:
    assert run.record.fits and run.record.verified_samples == 40
    assert (run.folder / "firmware" / "firmware.bin").stat().st_size == run.record.flash_bytes
    assert run.module[1].weight.shape[0] == run.record.widths["1"] < 512  # type: ignore[index,union-attr]
    assert run.tflite[4:8] == b"TFL3"
    shown = repr(run)
    assert "model on cortex-m4: fits" in shown and "own_metric" in shown and len(shown.splitlines()) < 24


def test_the_module_is_left_alone_and_what_was_kept_is_loaded_again(run: edgeprune.Run) -> None:
    untouched = network()
    again = edgeprune.load(run.folder, untouched)
    inputs = torch.from_numpy(data()[0])
    assert torch.equal(again.module(inputs), run.module(inputs))
    assert all(torch.equal(value, network().state_dict()[name]) for name, value in untouched.state_dict().items())
    with pytest.raises(UsageError, match="not in a project"):
        edgeprune.load(run.folder)
    with pytest.raises(ModelError, match="is not the one"):
        edgeprune.load(run.folder, nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))


def test_a_profile_is_a_table_of_its_layers(run: edgeprune.Run) -> None:
    profile = run.profile()
    total = run.record.total_ticks
    assert total is not None and 0.95 * total < sum(layer.measured_ticks or 0 for layer in profile.layers) <= total
    shown, page = repr(profile), profile._repr_html_()
    for layer in profile.layers:
        assert f"{layer.measured_ticks:,.0f}" in shown and f"<td>{layer.name}</td>" in page
    assert shown.endswith("times in instructions")


def test_thinning_without_training_keeps_a_copy_within_the_limits() -> None:
    inputs, whole, lines = torch.from_numpy(data()[0]), network().train(), list[str]()
    thinned = edgeprune.thin(whole, data()[0], target="cortex-m4", flash="16KiB", progress=lines.append)
    assert whole.training and not thinned.training
    assert lines and not any("\n" in line for line in lines)
    assert thinned[1].weight.shape[0] < 512 == whole[1].weight.shape[0]  # type: ignore[index,union-attr]
    assert float(functional.mse_loss(thinned(inputs), whole(inputs))) < 0.2 * float(whole(inputs).var())
    with pytest.raises(DoesNotFit):
        edgeprune.thin(whole, inputs, target="cortex-m4", flash="2KiB")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "crossentropy"}, "no loss named"),
        ({"metric": "acc"}, "no metric named"),
        ({"train": {"test": 1}}, "no training samples"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        edgeprune.fit(network(), **({"train": data(), "target": "cortex-m4"} | given))  # type: ignore[arg-type]


def test_a_run_whose_time_nobody_measured_shows_none(run: edgeprune.Run) -> None:
    unmeasured = run.record.model_copy(update={"source": "host", "total_ticks": None})
    shown = repr(edgeprune.Run(unmeasured, run.module))
    assert "on this machine" in shown and "one inference" not in shown
