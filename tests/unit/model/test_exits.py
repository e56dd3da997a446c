"""A second answer from half-way: where it can be taken from, and that the network stays what it was."""

import copy

import torch
from torch import Tensor, nn

from edgeprune.model.exits import ExitPlace, WithExit, exit_places
from edgeprune.model.trace import trace


class Scaled(nn.Module):
    """Has a parameter of its own, and changes an activation in place behind the exit."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x *= self.factor
        return self.fc(self.second(x).mean((2, 3)))


def left_behind(after: str, module: nn.Module, sample: Tensor) -> tuple[ExitPlace, WithExit]:
    place = next(place for place in exit_places(module, sample) if place.after == after)
    channels, cells = place.shape[0], place.cells[0] * place.cells[1]
    return place, WithExit(module, after, place.head(channels * cells, 3))


def test_both_answers_also_where_the_activation_is_written_over() -> None:
    torch.manual_seed(0)
    module, sample = Scaled().eval(), torch.randn(2, 1, 8, 8)
    place, leaving = left_behind("first", module, sample[:1])
    leaving.eval()
    with torch.no_grad():
        own, early = leaving(sample)
        cells = module.first(sample).reshape(2, 4, 4, 2, 4, 2).mean((3, 5)).flatten(1)
        torch.testing.assert_close(own, module(sample))
        torch.testing.assert_close(early, leaving.early_exit.fc(cells))
    assert place == ExitPlace("first", (4, 8, 8), (4, 4))


def test_layers_and_parameters_keep_their_names() -> None:
    module = Scaled()
    _, leaving = left_behind("first", module, torch.zeros(1, 1, 8, 8))
    names = set(dict(leaving.named_parameters()))
    assert names - set(dict(module.named_parameters())) == {"early_exit.fc.weight", "early_exit.fc.bias"}
    ops = [op.name for op in trace(leaving, (1, 1, 8, 8)).graph.ops]
    assert [name for name in ops if not name.startswith("early_exit")] == [
        op.name for op in trace(module, (1, 1, 8, 8)).graph.ops
    ]


def test_a_copy_is_whole() -> None:
    module = Scaled().eval()
    _, leaving = left_behind("second", module, torch.zeros(1, 1, 8, 8))
    leaving.eval()
    twin, sample = copy.deepcopy(leaving), torch.ones(1, 1, 8, 8)
    with torch.no_grad():
        for parameter in (twin.factor, twin.second.bias, twin.fc.bias):  # those its answers are computed with
            parameter.zero_()
        assert not twin(sample)[0].any()
        assert leaving(sample)[0].any() and module.factor == 2
    assert twin.train()._body.training and not leaving.training and not module.training


def test_places_are_modules_that_run_once_and_give_an_image_or_a_vector() -> None:
    relu = nn.ReLU()
    module = nn.Sequential(
        nn.Conv2d(2, 40, 3, 2), relu, nn.Conv2d(40, 6, 3), relu, nn.Flatten(), nn.Linear(150, 2), nn.Softmax(1)
    )
    found = {place.after: (place.shape, place.cells) for place in exit_places(module, torch.zeros(1, 2, 15, 15))}
    assert found == {  # 7x7 has no 4, 3 or 2 cells a side; 40 channels in 1x1, 6 channels of 5x5 in 1x1
        "0": ((40, 7, 7), (1, 1)),
        "2": ((6, 5, 5), (1, 1)),
        "4": ((150,), (1, 1)),
        "5": ((2,), (1, 1)),
        "6": ((2,), (1, 1)),
    }
    wide = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1))
    assert exit_places(wide, torch.zeros(1, 1, 12, 12))[0].cells == (2, 2)  # 64 channels in 3x3 are 576 features


def test_a_sequence_has_more_cells_along_its_one_side() -> None:
    (place,) = exit_places(nn.Sequential(nn.Conv1d(2, 24, 3, padding=1)), torch.zeros(1, 2, 60))
    assert (place.shape, place.cells) == ((24, 60), (1, 15))  # of 16 at most, what divides 60
    sequence = torch.randn(2, 24, 60)
    torch.testing.assert_close(place.pooled(sequence), sequence.reshape(2, 24, 15, 4).mean(3).flatten(1))
