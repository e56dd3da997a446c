"""What an early exit saved, out of timings made up by hand."""

import numpy as np
import pytest

from edgeprune.deploy.firmware.measure import exit_ticks
from edgeprune.deploy.proof import ExitTicks
from edgeprune.device.console.replies import LayerTimings
from edgeprune.engine.compile import ExitLayers
from edgeprune.errors import VerificationError

LAYERS = (10, 3, 80, 1)
EXIT = ExitLayers(own=frozenset({1, 3}), late=frozenset({2}))


def timings(*totals: int) -> list[LayerTimings]:
    return [LayerTimings("instructions", 1_000_000, 1, LAYERS, total) for total in totals]


def test_figures_of_inputs_that_leave_and_stay() -> None:
    found = exit_ticks(timings(14, 95, 16, 97), np.array([True, False, True, False]), EXIT)
    assert found == ExitTicks(inputs=4, share=0.5, mean=55.5, least=14, most=97, without=90)


def test_where_all_leave_the_longest_is_what_one_would_take_that_stays() -> None:
    found = exit_ticks(timings(14, 16), np.array([True, True]), EXIT)
    assert (found.share, found.mean, found.most, found.without) == (1.0, 15.0, 94, 90)


def test_an_input_whose_time_contradicts_its_exit_is_a_fault() -> None:
    for left in ([True, True, True], [True, False, False]):
        with pytest.raises(VerificationError, match="by the host's reckoning"):
            exit_ticks(timings(14, 95, 16), np.array(left), EXIT)
