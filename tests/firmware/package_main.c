/* What a firmware engineer writes around a package: inputs of one inference after the other on stdin, outputs on stdout. */
#include <stdio.h>

#include "ep_model.h"

int main(void)
{
    for (;;) {
        for (uint16_t i = 0; i < ep_model_input_count; i++) {
            if (fread(ep_model_inputs[i].data, 1, ep_model_inputs[i].size_bytes, stdin) != ep_model_inputs[i].size_bytes) {
                return 0;
            }
        }
        ep_model_invoke();
        for (uint16_t i = 0; i < ep_model_output_count; i++) {
            fwrite(ep_model_outputs[i].data, 1, ep_model_outputs[i].size_bytes, stdout);
        }
    }
}
