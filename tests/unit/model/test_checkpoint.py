"""Checkpoints as trainers leave them: wrapped, prefixed, in shards, exported; what cannot be read says how it can."""

from __future__ import annotations

import json
import random
import zipfile
from argparse import Namespace
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.checkpoints.read import read_checkpoint
from edgeprune.model.load import load_module

MODEL = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, classes)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))
"""
State = dict[str, Tensor]


class Notes:
    def __init__(self) -> None:
        self.lines = list[str]()

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def net() -> nn.Module:
    namespace: dict[str, Callable[[], nn.Module]] = {}
    exec(MODEL, namespace)
    torch.manual_seed(1)
    return namespace["Net"]()


def loaded(root: Path, name: str) -> tuple[nn.Module, str]:
    notes = Notes()
    module = load_module("model.py:Net", Path(name), root, progress=notes)  # type: ignore[arg-type]
    return module, "\n".join(notes.lines)


def assert_loaded(root: Path, content: object, expected: nn.Module) -> str:
    torch.save(content, root / "w.pt")
    module, told = loaded(root, "w.pt")
    for key, value in expected.state_dict().items():
        torch.testing.assert_close(module.state_dict()[key], value)
    return told


def prefixed(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


WRAPPED: dict[str, Callable[[State], object]] = {
    "plain": lambda s: s,
    "DataParallel": lambda s: prefixed("module.", s),
    "torch.compile": lambda s: prefixed("_orig_mod.", s),
    "both": lambda s: prefixed("_orig_mod.module.", s),
    "compiled in part": lambda s: {key.replace("features.", "features._orig_mod."): value for key, value in s.items()},
    "Lightning": lambda s: {"state_dict": prefixed("model.", s), "epoch": 3, "optimizer_states": [], "loops": {}},
    "a name nobody knows": lambda s: {"epoch": 3, "my_best": prefixed("student.backbone.", s)},
    "an optimizer beside it": lambda s: {
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}, "net": s
    },
    "deeper": lambda s: {"state": {"model": {"weights": s}}},
    "averaged": lambda s: prefixed("module.", s) | {"n_averaged": torch.tensor(3)},
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_what_trainers_wrap_around_weights(root: Path, name: str) -> None:
    assert_loaded(root, WRAPPED[name](net().state_dict()), net())


def test_weights_of_a_part_of_the_network(root: Path) -> None:
    """A checkpoint of what the network holds as a child."""
    inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    (root / "model.py").write_text(
        "from torch import nn\ndef Net():\n"
        "    return nn.ModuleDict({'body': nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))})\n"
    )
    torch.save(inner.state_dict(), root / "w.pt")
    module, _ = loaded(root, "w.pt")
    torch.testing.assert_close(module.state_dict()["body.0.weight"], inner[0].weight)


def test_two_that_fit_are_named(root: Path) -> None:
    other = {key: value + 1 for key, value in net().state_dict().items()}
    told = assert_loaded(root, {"ema": other, "model": net().state_dict()}, net())
    assert "'model' was taken; ema would fit as well" in told


def test_what_lies_beside_the_prefix_is_named(root: Path) -> None:
    content = prefixed("net.", net().state_dict()) | {"criterion.weight": torch.ones(2)}
    told = assert_loaded(root, {"state_dict": content}, net())
    assert "names without their 'net.'" in told and "left aside: criterion.weight" in told


def test_what_is_under_the_prefix_and_unknown_is_refused(root: Path) -> None:
    torch.save(prefixed("net.", net().state_dict()) | {"net.fc2.weight": torch.ones(2)}, root / "w.pt")
    with pytest.raises(ModelError, match=r"1 not in the model: fc2.weight"):
        loaded(root, "w.pt")


def test_a_checkpoint_without_tensors_is_refused(root: Path) -> None:
    torch.save({"epoch": 3, "args": {"lr": 0.1}}, root / "w.pt")
    with pytest.raises(ModelError, match="holds epoch, args, no tensors"):
        loaded(root, "w.pt")


def test_safetensors_in_shards(root: Path) -> None:
    state = net().state_dict()
    names = sorted(state)
    files = {name: f"model-0000{1 + (number % 2)}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(files.values()):
        safetensors.torch.save_file({name: state[name] for name in names if files[name] == file}, root / file)
    index = root / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": files}))
    module, _ = loaded(root, index.name)
    torch.testing.assert_close(module.state_dict(), state)
    (root / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"of-00002\.safetensors is not there") as caught:
        loaded(root, index.name)
    assert "every shard" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["../w.safetensors", "/etc/passwd", 3])
def test_an_index_names_files_beside_it_alone(root: Path, name: object) -> None:
    (root / "m.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ModelError, match="no file beside it"):
        loaded(root, "m.safetensors.index.json")


def exported(root: Path) -> Path:
    program = torch.export.export(net().eval(), (torch.randn(1, 3, 8, 8),))
    torch.export.save(program, root / "m.pt2")
    return root / "m.pt2"


@pytest.mark.filterwarnings("ignore")
def test_an_exported_program(root: Path) -> None:
    exported(root)
    module, _ = loaded(root, "m.pt2")
    torch.testing.assert_close(module.state_dict(), net().state_dict())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sizes", [[10**9], [-1], [4, 3, 3, 30]])
def test_an_exported_program_that_lies_about_sizes(root: Path, sizes: list[int]) -> None:
    path = exported(root)
    entry = "m/data/weights/model_weights_config.json"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    stated = json.loads(content[entry])
    meta = stated["config"]["features.0.weight"]["tensor_meta"]
    meta["sizes"], meta["strides"] = [{"as_int": size} for size in sizes], [{"as_int": 1} for _ in sizes]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, json.dumps(stated) if name == entry else data)
    with pytest.raises(ModelError, match="cannot be read"):
        loaded(root, "m.pt2")


@pytest.mark.filterwarnings("ignore")
def test_programs_are_refused_with_the_way_out(root: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), root / "script.pt")
    with pytest.raises(ModelError, match="TorchScript") as caught:
        loaded(root, "script.pt")
    assert "torch.jit.load('script.pt').state_dict()" in str(caught.value.hint)


class Shouting(nn.Module):
    """A class whose code must not run while its file is read."""

    runs = 0

    def __init__(self) -> None:
        super().__init__()
        built = net()
        self.features, self.fc = built.get_submodule("features"), built.get_submodule("fc")
        self.register_buffer("passing", torch.ones(3), persistent=False)

    def __setstate__(self, state: dict[str, object]) -> None:
        type(self).runs += 1
        super().__setstate__(state)


def _holding(state: State) -> nn.Module:
    module = Shouting()
    module.load_state_dict(state)
    return module


class Runs:
    """A pickle that would call a function."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return exec, ("raise SystemExit('code of a checkpoint ran')",)


def _beside() -> dict[str, object]:
    """What trainers save beside the weights."""
    return {
        "args": Namespace(lr=0.1, out=Path("runs")), "best": np.float64(93.2), "random": random.getstate(),
        "numpy": np.random.default_rng(0).bit_generator.state, "when": datetime(2026, 1, 2, tzinfo=UTC),
        "history": defaultdict(list, {"loss": [1.0]}), "last": deque([1.0, 2.0]), "call": Runs(),
    }  # fmt: skip


OBJECTS: dict[str, Callable[[State], object]] = {
    "settings beside it": lambda state: {"state_dict": state, **_beside()},
    "in a defaultdict": lambda state: defaultdict(dict, {"model": state, "loss": {}}),
    "in a tuple": lambda state: (state, {"lr": 0.1}, 3),
    "a module": _holding,
    "a module among others": lambda state: {"model": nn.DataParallel(_holding(state)), **_beside()},
}


@pytest.mark.parametrize("made", OBJECTS.values(), ids=OBJECTS)
def test_objects_beside_the_weights_are_read_around(root: Path, made: Callable[[State], object]) -> None:
    torch.manual_seed(5)
    wanted = {name: torch.rand_like(value.float()).to(value.dtype) for name, value in net().state_dict().items()}
    torch.save(made(wanted), root / "w.pt")
    found = loaded(root, "w.pt")[0].state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_a_pickled_module_gives_its_state_dict_and_runs_nothing(root: Path) -> None:
    torch.save(Shouting(), root / "w.pt")
    assert {*read_checkpoint(root / "w.pt")} == {*Shouting().state_dict()} and Shouting.runs == 0


def test_objects_alone_are_no_weights(root: Path) -> None:
    torch.save({"args": Namespace(lr=1)}, root / "w.pt")
    with pytest.raises(ModelError):
        loaded(root, "w.pt")


def test_arguments_of_a_function_of_an_installed_package(root: Path) -> None:
    module = load_module("torch.nn:Linear", None, root, {"in_features": 3, "out_features": 5})
    assert isinstance(module, nn.Linear) and module.weight.shape == (5, 3)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nobody_has_this:build", "package nobody_has_this is not installed"),
        ("torch.nn.nothing:build", "package torch.nn.nothing is not installed"),
        ("torch.nn:Lineer", "did you mean 'torch.nn:Linear'"),
        ("torch.nn:Linear", "missing 2 required positional arguments"),
    ],
)
def test_a_wrong_package_or_function_is_told(root: Path, entry: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_module(entry, None, root)
    assert message in f"{caught.value.message} {caught.value.hint}"
