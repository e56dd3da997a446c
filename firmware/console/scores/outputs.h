/* `results` are the outputs themselves. */
#ifndef SCORE_OUTPUTS_H
#define SCORE_OUTPUTS_H

#include "console.h"
#include "decimal.h"
#include "ep_model.h"

static inline void score_put(void)
{
    const char *before = "m-results-[";
    for (uint32_t i = 0; i < ep_model_output_count; i++) {
        const ep_tensor_t *output = &ep_model_outputs[i];
        uint32_t count = output->size_bytes / output->element_bytes;
        for (uint32_t element = 0; element < count; element++) {
            con_put(before);
            con_put_element(output, element);
            before = ",";
        }
    }
}

#endif
