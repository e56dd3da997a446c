/*
 * Images made larger or smaller; which input rows and columns an output pixel reads comes from tables.
 *
 *   nearest:   out[y][x] = in[rows[y]][columns[x]]
 *   bilinear:  rows[y] = (y0, y1, dy), columns[x] = (x0, x1, dx), distances in 1/1024:
 *              sum = (in[y0][x0] * (1024 - dx) + in[y0][x1] * dx) * (1024 - dy)
 *                    + (in[y1][x0] * (1024 - dx) + in[y1][x1] * dx) * dy
 *              out[y][x] = round(sum / 2^20), halves away from zero
 *
 *   in       int8   [in_h][in_w][channels]
 *   rows     int16  nearest: [out_h]; bilinear: [out_h][3]
 *   columns  int16  nearest: [out_w]; bilinear: [out_w][3]
 *   out      int8   [out_h][out_w][channels], of the same scale and zero point
 *
 * Range:   distances in [-512, 1024].
 * Scratch: 0 bytes. Align: 1 byte for images.
 * Proof:   tests/firmware/operators/test_resize.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_RESIZE_H
#define EP_RESIZE_H

#include <stdint.h>

typedef struct {
    const int16_t *rows;
    const int16_t *columns;
    uint16_t in_w, out_h, out_w, channels;
} ep_resize_t;

/* Of any type: `channels` are bytes. */
void ep_resize_nearest_ref(const ep_resize_t *layer, const void *in, void *out);

void ep_resize_bilinear_ref(const ep_resize_t *layer, const int8_t *in, int8_t *out);

/* The same from int16 to int16. */
void ep_resize_bilinear_int16_ref(const ep_resize_t *layer, const int16_t *in, int16_t *out);

#endif
