"""Guard words between tensors on an emulated board, for instructions no host has: a stray write spoils the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_INVOKE = "void ep_model_invoke(void)\n"

_WATCH = """
static void fill(uint8_t *at, size_t count, uint8_t byte)
{
    for (size_t i = 0; i < count; i++) {
        at[i] = byte;
    }
}

/* What lies between tensors differs from one inference to the next; what was written there turns all output over. */
void ep_model_invoke(void)
{
    static uint8_t byte = 0x5A;
    byte = (uint8_t)~byte;
    for (size_t gap = 0; gap < sizeof gaps / sizeof gaps[0]; gap++) {
        fill(arena + gaps[gap][0], gaps[gap][1], byte);
    }
    invoke();
    for (size_t gap = 0; gap < sizeof gaps / sizeof gaps[0]; gap++) {
        for (size_t i = 0; i < gaps[gap][1]; i++) {
            if (arena[gaps[gap][0] + i] != byte) {
                for (uint16_t output = 0; output < ep_model_output_count; output++) {
                    const ep_tensor_t *const tensor = &ep_model_outputs[output];
                    for (size_t at = 0; at < tensor->size_bytes; at++) {
                        ((uint8_t *)tensor->data)[at] = (uint8_t)~((uint8_t *)tensor->data)[at];
                    }
                }
                return;
            }
        }
    }
}
"""


def watched(files: Mapping[str, str], gaps: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Generated files whose inference checks the (offset, bytes) of `gaps`: run each sample twice, for reads too."""
    model = files["model.c"]
    assert model.count(_INVOKE) == 1
    rows = ", ".join(f"{{{start}U, {size}U}}" for start, size in gaps)
    table = f"\nstatic const size_t gaps[][2] = {{ {rows} }};\n"
    return {**files, "model.c": model.replace(_INVOKE, "static void invoke(void)\n") + table + _WATCH}
