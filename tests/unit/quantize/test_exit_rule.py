"""How sure an early exit must be, on cases worked out by hand."""

import numpy as np
import pytest

from edgeprune.quantize.exit_rule import choose_margin, combined_outputs

# Class 0 is right. The network itself errs in the third sample (75 points), the exit in the second.
OWN = np.array([[9, 0], [9, 0], [0, 9], [9, 0]], np.int8)
EXIT = np.array([[50, 0], [0, 30], [20, 0], [10, 0]], np.int8)


def lost_points(chosen: np.ndarray) -> float:
    return float(75 - 100 * (chosen.argmax(axis=1) == 0).mean())


def test_what_each_margin_loses() -> None:
    lost = {margin: lost_points(combined_outputs(OWN, EXIT, margin)) for margin in (51, 50, 30, 20, 10)}
    assert lost == {51: 0, 50: 0, 30: 25, 20: 0, 10: 0}


@pytest.mark.parametrize(("samples", "allowed", "chosen"), [(4, 0, 10), (2, 0, 50), (2, 24, 50), (2, 50, 30)])
def test_the_least_margin_that_loses_no_more(samples: int, allowed: float, chosen: int) -> None:
    """Of four samples all may leave: the exit's error is made up for by the network's. Of two, the second may not."""
    own, early = OWN[:samples], EXIT[:samples]
    before = 100 * float((own.argmax(axis=1) == 0).mean())
    lost = choose_margin(own, early, lambda given: before - 100 * float((given.argmax(axis=1) == 0).mean()), allowed)
    assert lost == chosen


def test_none_where_the_only_input_is_wrong() -> None:
    assert choose_margin(OWN[1:2], EXIT[1:2], lambda given: lost_points(given) + 25, 99) is None
