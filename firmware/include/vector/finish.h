/*
 * Sums of products become int8 outputs, in loops that compilers make vector instructions of.
 *
 *   out[c] = clamp(requant(sums[c] + bias[c]) + out_zero, out_min, out_max)
 *
 *   sums, bias  int32  [channels]; they wrap around
 *   multiplier  int32  [channels]   Q0.31, in [2^30, 2^31) or 0
 *   shift       int8   [channels]   power of two in [-31, 30]; positive shifts left
 *   out         int8   [channels]   real = (q - out_zero) * out_scale
 *
 * `twice` rounds after the multiplication and after the shift, as LiteRT does in convolutions; `once` as in dense layers.
 */
#ifndef EP_VECTOR_FINISH_H
#define EP_VECTOR_FINISH_H

#include <stdint.h>

typedef struct {
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int16_t out_zero, out_min, out_max;
} ep_vector_scales_t;

void ep_vector_finish_twice(const ep_vector_scales_t *scales, const int32_t *sums, int8_t *out, int32_t channels);
void ep_vector_finish_once(const ep_vector_scales_t *scales, const int32_t *sums, int8_t *out, int32_t channels);

#endif
