"""LSTM, GRU and RNN written out step by step, all steps alike, so that they share their code and their tables.

What is computed from the input alone is computed for all steps at once.
Equations: the documentation of torch.nn.LSTM, GRU and RNN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

State = tuple[Tensor, ...]  # h, and of an LSTM c
Step = Callable[[Tensor, Tensor, State], State]  # (from the input, from h, state) -> the next state
_ZERO = "_edgeprune_is_zero"


def marked_zeros(zeros: Tensor) -> Tensor:
    """Zeros whatever goes in, known again as a state that need not be read."""
    setattr(zeros, _ZERO, True)
    return zeros


def _lstm_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    i, f, g, o = (from_input + from_state).chunk(4, 1)
    cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _gru_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    xr, xz, xn = from_input.chunk(3, 1)
    hr, hz, hn = from_state.chunk(3, 1)
    new = (xn + (xr + hr).sigmoid() * hn).tanh()
    return (new + (xz + hz).sigmoid() * (state[0] - new),)


def _tanh_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    return ((from_input + from_state).tanh(),)


def _relu_step(from_input: Tensor, from_state: Tensor, state: State) -> State:
    return ((from_input + from_state).relu(),)


_STEPS: Mapping[str, Step] = {"lstm": _lstm_step, "gru": _gru_step, "rnn_tanh": _tanh_step, "rnn_relu": _relu_step}


def _started(state: State, from_input: Tensor, width: int) -> State:
    """A state of zeros as zeros that are computed, so that the first step is like the others."""
    part = from_input[:, :width]
    return tuple(part - part if getattr(each, _ZERO, False) else each for each in state)


def _cell(name: str) -> Callable[..., Any]:
    def cell(
        x: Tensor,
        hx: Tensor | Sequence[Tensor],
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Any:
        state = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        from_input = functional.linear(x, w_ih, b_ih)
        state = _started(state, from_input, w_hh.shape[1])
        state = _STEPS[name](from_input, functional.linear(state[0], w_hh, b_hh), state)
        return state[0] if isinstance(hx, Tensor) else state

    return cell


def _layer(name: str) -> Callable[..., Any]:
    def layer(
        x: Tensor,
        hx: Any,
        weights: Any,
        has_biases: Any,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: Any = None,
    ) -> Any:
        if not isinstance(batch_first, bool):
            return NotImplemented  # of a packed sequence
        states = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        x = x.transpose(0, 1) if batch_first else x
        directions = 2 if bidirectional else 1
        each = len(weights) // (num_layers * directions)
        ends: list[State] = []
        for number in range(num_layers):
            outputs = []
            for direction in range(directions):
                at = number * directions + direction
                own = list(weights[at * each : (at + 1) * each])
                start = tuple(_kept_mark(part, part[at]) for part in states)
                output, end = _sequence(name, x, start, own, bool(has_biases), direction == 1)
                outputs.append(output)
                ends.append(end)
            x = torch.cat(outputs, 2) if directions > 1 else outputs[0]
        x = x.transpose(0, 1) if batch_first else x
        return (x, *(torch.stack(parts) for parts in zip(*ends, strict=True)))

    return layer


def _kept_mark(whole: Tensor, part: Tensor) -> Tensor:
    return marked_zeros(part) if getattr(whole, _ZERO, False) else part


def _sequence(
    name: str, x: Tensor, state: State, weights: list[Tensor], has_biases: bool, backwards: bool
) -> tuple[Tensor, State]:
    """One layer in one direction over x (steps, batch, features): its outputs, and the last state."""
    w_ih, w_hh, *rest = weights
    b_ih, b_hh = (rest[0], rest[1]) if has_biases else (None, None)
    w_hr = rest[-1] if len(rest) > (2 if has_biases else 0) else None  # projects h
    from_input = functional.linear(x, w_ih, b_ih)
    steps = list(from_input.unbind(0))
    state = _started(state, steps[-1 if backwards else 0], w_hh.shape[1])
    if w_hr is not None and len(state) > 1 and state[1].shape[1] != w_hr.shape[1]:
        part = steps[0][:, : w_hr.shape[1]]
        state = (state[0], part - part)
    outputs = []
    for step in reversed(steps) if backwards else steps:
        state = _STEPS[name](step, functional.linear(state[0], w_hh, b_hh), state)
        if w_hr is not None:
            state = (functional.linear(state[0], w_hr), *state[1:])
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if backwards else outputs), state


CELLS: Mapping[str, Callable[..., Any]] = {f"{name}_cell": _cell(name) for name in _STEPS}
LAYERS: Mapping[str, Callable[..., Any]] = {name: _layer(name) for name in _STEPS}
