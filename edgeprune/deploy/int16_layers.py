"""`fit --mixed`: which layers get int16 activations, chosen on the network as it comes and kept through the run."""

from __future__ import annotations

from torch import nn

from edgeprune.deploy.protocol import Setup
from edgeprune.export.mixed import int16_choice
from edgeprune.model.noted.int16_layers import note_int16_layers


def choose_int16_layers(setup: Setup, module: nn.Module) -> None:
    """Notes the layers on the module; none where int16 gains nothing.

    Raises:
        ModelError: it cannot be exported.
    """

    def choose() -> list[str]:
        choice = int16_choice(module, setup.calibration.tensor())
        if choice.layers:
            named = ", ".join(choice.layers)
            note = f"int16 activations in {named}: {choice.mixed_db:.1f} dB above quantization noise, without "
            setup.progress.note(note + f"{choice.int8_db:.1f}")
        else:
            setup.progress.note(
                f"int8 activations everywhere: {choice.int8_db:.1f} dB, int16 in a few gains too little"
            )
        return list(choice.layers)

    note_int16_layers(module, setup.workspace.once("int16 layers", choose))
