/*
 * Between float and int8, for models whose ends are float.
 *
 *   quantize:    out = clamp(round(in / scale) + zero, -128, 127), halves away from zero
 *   dequantize:  out = (in - zero) * scale
 *
 *   float side  float  [count]
 *   int8 side   int8   [count]   real = (q - zero) * scale
 *
 * Scratch: 0 bytes. Align: 4 bytes on the float side.
 * Proof:   tests/firmware/operators/test_quantize.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_QUANTIZE_H
#define EP_QUANTIZE_H

#include <stdint.h>

void ep_quantize_ref(const float *in, int8_t *out, uint32_t count, float scale, int32_t zero);
void ep_dequantize_ref(const int8_t *in, float *out, uint32_t count, float scale, int32_t zero);

/* The same between float and uint8, float and int16. */
void ep_quantize_uint8_ref(const float *in, uint8_t *out, uint32_t count, float scale, int32_t zero);
void ep_dequantize_uint8_ref(const uint8_t *in, float *out, uint32_t count, float scale, int32_t zero);
void ep_quantize_int16_ref(const float *in, int16_t *out, uint32_t count, float scale, int32_t zero);
void ep_dequantize_int16_ref(const int16_t *in, float *out, uint32_t count, float scale, int32_t zero);

#endif
