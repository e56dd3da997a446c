"""`edgeprune check`: what each layer runs on and why, without a compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.files_of_others.odd_channels import odd_layers
from tests.firmware.one_op import ModelBuilder, schema
from tests.firmware.random_nets import NetBuilder
from tests.unit.cli.conftest import Cli


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def test_layers_and_what_runs_them(tmp_path: Path, cli: Cli, no_tools: None) -> None:
    b = NetBuilder(1)
    x = b.conv(b.input(1, 8, 8, 4), 6)
    (tmp_path / "net.tflite").write_bytes(b.build(b.transpose(b.conv(x, 5, kernel=1), 0, 3, 1, 2)))
    for target, isa in (("cortex-m4", "dsp"), ("cortex-m55", "mve"), ("cortex-m0", "scalar")):
        found = cli("check", str(tmp_path / "net.tflite"), "--target", target, "--json").data
        assert found["compiles"] and found["arena_bytes"] > 0 and found["target"] == target
        assert [layer["operator"] for layer in found["layers"]] == ["CONV_2D", "CONV_2D", "TRANSPOSE"]
        assert found["layers"][0]["runs_on"] == isa and found["layers"][0]["why"] is None
        for layer in found["layers"]:
            assert (layer["why"] is None) == (layer["runs_on"] in (isa, "nothing", "memcpy", "dsp"))


def test_odd_channels_are_named(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "odd.tflite").write_bytes(odd_layers(seed=3, count=12, kinds=("CONV_2D",)))
    outcome = cli("check", str(tmp_path / "odd.tflite"))
    assert outcome.exit_code == 0 and "outputs are made in plain C" in outcome.stdout.replace("\n", " ")


def test_everything_that_does_not_compile(tmp_path: Path, cli: Cli) -> None:
    b = ModelBuilder()
    for index in range(2):
        data, output = b.input((1, 4), dtype="float32"), b.tensor((1, 4), "float32")
        b.op("ELU" if index else "TANH", [data], [output])
        b.output(output)
    (tmp_path / "floats.tflite").write_bytes(b.build())
    outcome = cli("check", str(tmp_path / "floats.tflite"), "--json")
    assert outcome.exit_code != 0
    assert not outcome.data["compiles"] and len(outcome.data["problems"]) == 2
    assert "float32" in outcome.data["problems"][0]


def test_a_file_that_is_none(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "none.tflite").write_bytes(b"no model at all, but long enough")
    outcome = cli("check", str(tmp_path / "none.tflite"))
    assert outcome.exit_code == 1 and "not a TensorFlow Lite model" in outcome.stdout
    assert cli("check", str(tmp_path / "absent.tflite")).exit_code == 2


def test_an_operator_of_no_kernel_is_named(tmp_path: Path, cli: Cli) -> None:
    b = ModelBuilder()
    data, output = b.input((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
    b.op("HASHTABLE_FIND", [data], [output], schema.HashtableFindOptionsT())
    b.output(output)
    (tmp_path / "table.tflite").write_bytes(b.build())
    assert "HASHTABLE_FIND" in cli("check", str(tmp_path / "table.tflite")).stdout


def wide(side: int) -> bytes:
    """A network with an arena of two images of side x side x 16."""
    b = NetBuilder(1)
    return b.build(b.conv(b.input(1, side, side, 16), 16, kernel=1))


def test_what_cannot_fit_the_target_that_is_named(tmp_path: Path, cli: Cli, no_tools: None) -> None:
    (tmp_path / "wide.tflite").write_bytes(wide(96))
    outcome = cli("check", str(tmp_path / "wide.tflite"), "--target", "cortex-m0", "--json")
    assert outcome.exit_code == 3 and outcome.data["compiles"]
    (misfit,) = outcome.data["misfits"]
    need = outcome.data["arena_bytes"] + 4096
    assert f"RAM needs at least {need:,} B" in misfit and f"{need - 16384:,} more than the 16,384 B" in misfit
    assert "--ram-first" in outcome.stderr
    usual = cli("check", str(tmp_path / "wide.tflite"))
    assert usual.exit_code == 0 and "RAM needs at least" in usual.stdout
    assert not cli("check", str(tmp_path / "wide.tflite"), "--target", "cortex-m7", "--json").data["misfits"]


def test_what_nothing_is_built_for(tmp_path: Path, cli: Cli, no_tools: None) -> None:
    (tmp_path / "wide.tflite").write_bytes(wide(8))
    outcome = cli("check", str(tmp_path / "wide.tflite"), "--target", "raspberry-pi-4b")
    assert outcome.exit_code == 2 and "no firmware is built for it" in outcome.stderr
