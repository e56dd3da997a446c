"""ExecuTorch lowers networks, and its programs pass the gates or are refused with the layer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import EdgePruneError, ModelError, UnsupportedOp, UsageError
from edgeprune.export import converter_process
from edgeprune.export.pte.lowering import ExportedPte, Lowering, PteFormat, PteRequest
from edgeprune.export.pte.program import read_pte


class Net(nn.Module):
    def __init__(self, activation: nn.Module):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.act, self.head = nn.Conv2d(3, 8, 3, padding=1), activation, nn.Linear(8, 4)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.act(self.stem(image)).mean((2, 3)))


@pytest.fixture(scope="module")
def lowering() -> Iterator[Lowering]:
    """One process for all: loading ExecuTorch takes most of the time."""
    pytest.importorskip("executorch", reason="edgeprune[executorch] is not installed")
    with Lowering() as made:
        yield made


def lowered(
    lowering: Lowering, name: str, activation: nn.Module | None = None, may_stay_float: bool = False
) -> ExportedPte:
    samples = torch.randn(24, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    request = PteRequest(PteFormat(name), samples[:16], samples[16:], "cortex-m4", may_stay_float)
    return lowering.program(Net(activation or nn.ReLU()).eval(), request)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least_db"),
    [("xnnpack", 25), ("xnnpack-dynamic", 25), ("xnnpack-float", 80), ("portable", 80), ("cortex-m", 25)],
)
def test_formats(lowering: Lowering, name: str, least_db: float) -> None:
    made = lowered(lowering, name)
    assert made.sqnr_db > least_db and made.argmax_agreement is not None and made.argmax_agreement >= 7 / 8
    program = read_pte(made.data, "made.pte")
    assert program == made.program and made.floats == ()
    assert bool(program.delegates) == name.startswith("xnnpack")
    precisions = {one.precision for one in program.operators}
    assert ("float" in precisions) == (name not in ("xnnpack", "cortex-m"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xnnpack", "cortex-m"])
def test_transposed_convolutions(lowering: Lowering, name: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 12, 3, 2, 1, 1), nn.ReLU(),
                        nn.Conv2d(12, 4, 1))  # fmt: skip
    samples = torch.randn(24, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    request = PteRequest(PteFormat(name), samples[:16], samples[16:], "cortex-m4", may_stay_float=True)
    made = lowering.program(net.eval(), request)
    assert made.sqnr_db > 25
    # ExecuTorch has no Cortex-M kernel for this one.
    assert made.floats == (() if name == "xnnpack" else ("convolution of layer '2'",))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xnnpack", "cortex-m"])
def test_an_operator_that_stays_in_float_is_refused_with_its_layer(lowering: Lowering, name: str) -> None:
    with pytest.raises(UnsupportedOp, match=r"leaky_relu of layer 'act'") as refused:
        lowered(lowering, name, nn.LeakyReLU())
    assert refused.value.hint is not None and "--allow-float" in refused.value.hint
    allowed = lowered(lowering, name, nn.LeakyReLU(), may_stay_float=True)
    assert any("leaky_relu" in layer for layer in allowed.floats)


class Wrong(nn.Module):
    """What is exported is not what is compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, sample: Tensor) -> Tensor:
        return self.head(sample) * (1 if torch.compiler.is_exporting() else -1)


@pytest.mark.slow
def test_a_program_that_is_not_the_network_is_refused(lowering: Lowering) -> None:
    samples = torch.randn(8, 4)
    with pytest.raises(ModelError, match="dB from the float network's on 8 samples; 60 dB are the least"):
        lowering.program(Wrong().eval(), PteRequest(PteFormat.PORTABLE, samples, samples))


@pytest.mark.slow
def test_the_process_goes_on_after_a_refusal(lowering: Lowering) -> None:
    class Sorted(nn.Module):
        def forward(self, sample: Tensor) -> Tensor:
            return torch.linalg.svdvals(sample.reshape(1, 2, 2))

    with pytest.raises(EdgePruneError):
        lowering.program(Sorted().eval(), PteRequest(PteFormat.PORTABLE, torch.randn(4, 4), torch.randn(4, 4)))
    assert lowered(lowering, "portable").sqnr_db > 80


def test_without_executorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    own = converter_process.importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "executorch" else own(name, *rest)  # noqa: E731
    monkeypatch.setattr(converter_process.importlib.util, "find_spec", hidden)
    with pytest.raises(UsageError, match="there is no executorch") as refused:
        Lowering()
    assert refused.value.hint is not None and "edgeprune[executorch]" in refused.value.hint
