/*
 * Runs a generated model on the host: inputs of one inference after the other on stdin, outputs on stdout.
 * Bytes of the arena that belong to no tensor are poisoned, so a kernel that leaves its tensors is caught.
 */
#include "model.c"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include "gaps.h"
static void poison(void)
{
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        ASAN_POISON_MEMORY_REGION(arena + gaps[i][0], gaps[i][1]);
    }
}
#else
static void poison(void)
{
}
#endif

int main(void)
{
    poison();
    for (;;) {
        for (uint16_t i = 0; i < ep_model_input_count; i++) {
            const ep_tensor_t *input = &ep_model_inputs[i];
            if (fread(input->data, 1, input->size_bytes, stdin) != input->size_bytes) {
                return 0;
            }
        }
        ep_model_invoke();
        for (uint16_t i = 0; i < ep_model_output_count; i++) {
            fwrite(ep_model_outputs[i].data, 1, ep_model_outputs[i].size_bytes, stdout);
        }
    }
}
