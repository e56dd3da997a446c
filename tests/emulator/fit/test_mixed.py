"""A fit with int16 activations where int8 ones round too much: predicted, linked, and the same bytes on the board."""

from pathlib import Path

import torch
from torch import nn

import edgeprune
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.ir import DType, OpKind
from tests.unit.quantize.test_int16_layers import wide


def test_layers_that_need_int16_get_it_and_the_board_has_the_hosts_bytes(tmp_path: Path) -> None:
    module, _ = wide()
    net = nn.Sequential(module, nn.Flatten(), nn.Linear(256, 3)).eval()
    inputs = torch.randn(128, 2, 8, 8)
    with torch.no_grad():
        net[2].bias -= net(inputs).mean(0)  # each class has samples
        labels = net(inputs).argmax(1)
    cuts = {"train": slice(64), "validation": slice(64, 96), "test": slice(96, 128)}
    data = {name: (inputs[cut].numpy(), labels[cut].numpy()) for name, cut in cuts.items()}
    run = edgeprune.fit(net, data, target="cortex-m4", epochs=0, runs=tmp_path, mixed=True)
    record, graph = run.record, read_tflite(run.tflite)
    made = {graph.tensors[index].dtype for op in graph.ops for index in op.outputs}
    assert made == {DType.INT8, DType.INT16}
    assert any(op.kind is OpKind.QUANTIZE for op in graph.ops)
    assert record.verified_samples == 32
    assert record.predicted.ram_parts["arena"] == record.arena_bytes
    assert abs(record.predicted.flash_bytes - record.flash_bytes) <= max(256, record.flash_bytes // 100)
