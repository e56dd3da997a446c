/*
 * `results` is one value, how far the output is from the input it was made from:
 *
 *   sum_i (output[i] - input[i])^2 / count, in float32, of dequantized outputs and of the inputs as they were loaded
 *
 * One input and one output of the same count of elements, int8 or float32 each.
 */
#ifndef SCORE_MSE_H
#define SCORE_MSE_H

#include "console.h"
#include "decimal.h"
#include "ep_model.h"

static inline void score_put(void)
{
    const ep_tensor_t *output = &ep_model_outputs[0];
    uint32_t count = output->size_bytes / output->element_bytes;
    float sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        float difference = con_real(output, output->data, i) - con_input_real(i);
        sum += difference * difference;
    }
    sum /= (float)count;
    const ep_tensor_t score = {.data = &sum, .element_bytes = sizeof sum, .format = EP_FLOAT};
    con_put("m-results-[");
    con_put_element(&score, 0);
}

#endif
