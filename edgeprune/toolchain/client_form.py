"""What a client of the console sends as an input and gets as results: the model's own bytes, or a form of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class InputForm(StrEnum):
    """Elements that `db` takes; one of `firmware/console/forms`."""

    SAME = "same"
    UINT8 = "uint8"
    FLOAT32 = "float32"


class Score(StrEnum):
    """What `results` are; one of `firmware/console/scores`."""

    OUTPUTS = "outputs"
    MSE = "mse"


@dataclass(frozen=True)
class ClientForm:
    """The console's two ends as its client sees them."""

    input_form: InputForm = InputForm.SAME
    score: Score = Score.OUTPUTS

    @property
    def flags(self) -> tuple[str, ...]:
        """Of the console's translation units."""
        return (f'-DCON_INPUT_FORM="forms/{self.input_form}.h"', f'-DCON_SCORE="scores/{self.score}.h"')


SAME = ClientForm()
RUNNER_FORMS = {
    "kws01": ("int8", Score.OUTPUTS),
    "ic01": ("uint8", Score.OUTPUTS),
    "vww01": ("uint8", Score.OUTPUTS),
    "ad01": ("float32", Score.MSE),
    "sww01": ("int8", Score.OUTPUTS),
}
"""Model id -> elements that MLPerf Tiny's runner sends, and the score that MLCommons' reference firmware answers."""
