#include "ep_float.h"

void ep_softmax_float_ref(const float *in, float *out, uint32_t rows, uint32_t len, float beta)
{
    for (uint32_t n = 0; n < rows; n++, in += len, out += len) {
        float max = in[0];
        for (uint32_t i = 1; i < len; i++) {
            max = in[i] > max ? in[i] : max;
        }
        float sum = 0.0F;
        for (uint32_t i = 0; i < len; i++) {
            out[i] = ep_exp_float((in[i] - max) * beta);
            sum += out[i];
        }
        for (uint32_t i = 0; i < len; i++) {
            out[i] = out[i] / sum;
        }
    }
}
