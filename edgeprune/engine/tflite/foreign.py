"""Operators that no file may hold, and what to do about each kind of them, in words."""

from __future__ import annotations

from collections.abc import Container, Sequence

from edgeprune.errors import UnsupportedOp

CUSTOM = "CUSTOM "
"""In front of a custom operator's own name."""

_SHOWN_OPS = 8
_MICROFRONTEND = (
    "the audio front end of TensorFlow Lite Micro, which makes features of sound: cut the model behind it, compute the "
    "features in the application (or train on features computed there) and give them to the model as its input"
)
_WORDS = {
    "Signal": _MICROFRONTEND,
    "AudioMicrofrontend": _MICROFRONTEND,
    "AudioSpectrogram": _MICROFRONTEND,
    "Mfcc": _MICROFRONTEND,
    "Flex": "an operator of TensorFlow itself: export with TFLITE_BUILTINS_INT8 alone, without SELECT_TF_OPS",
    "edgetpu-custom-op": "compiled for an Edge TPU: take the .tflite file from before its compiler",
    "ethos-u": "compiled for an Ethos-U: take the .tflite file from before Vela",
}
"""How a custom operator's name begins -> what it is, and the way out."""

_LSTM = "use LSTM layers that are exported as UNIDIRECTIONAL_SEQUENCE_LSTM, which LiteRT runs in int8"
_CONTROL = {
    "UNIDIRECTIONAL_SEQUENCE_RNN": f"LiteRT has it in float and with float states alone: {_LSTM}",
    "RNN": f"LiteRT has it in float and with float states alone: {_LSTM}",
    "BIDIRECTIONAL_SEQUENCE_RNN": f"LiteRT has it in float and with float states alone: {_LSTM}",
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        "LiteRT has it in float and with float states alone: two LSTM layers, one with go_backwards, are exported as "
        "two UNIDIRECTIONAL_SEQUENCE_LSTM, which it runs in int8"
    ),
}


def refuse_unknown(kinds: Sequence[str], names: Sequence[str], known: Container[str]) -> None:
    """Raises UnsupportedOp with the operators that are not known, and what to do about them."""
    foreign = [
        f"{kind} {name!r} (op {index} of {len(kinds)})"
        for index, (kind, name) in enumerate(zip(kinds, names, strict=True))
        if kind not in known
    ]
    if foreign:
        more = f" and {len(foreign) - _SHOWN_OPS} more" if len(foreign) > _SHOWN_OPS else ""
        raise UnsupportedOp(
            f"{len(foreign)} of {len(kinds)} operators are outside the engine's set: "
            + ", ".join(foreign[:_SHOWN_OPS])
            + more,
            _way_out([kind for kind in kinds if kind not in known]),
        )


def _way_out(kinds: Sequence[str]) -> str:
    words = []
    for kind in dict.fromkeys(kinds):
        own = kind.removeprefix(CUSTOM)
        text = next((words for start, words in _WORDS.items() if kind != own and own.startswith(start)), None)
        text = text or _CONTROL.get(kind)
        if text is not None and text not in words:
            words.append(text)
    return "; ".join(words) or "replace these layers in the model, or keep them on the host"
