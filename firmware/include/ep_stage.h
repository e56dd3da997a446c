/*
 * The first layers of a network row by row, so that none of their images is ever whole in RAM (line buffers; after
 * MCUNetV2's patches, Lin et al. 2021, arXiv:2110.15352, without their recomputation).
 *
 *   Every input of a layer has a line buffer ("edge") in scratch that holds the rows its next output row needs. A row of
 *   the stage's input is fed in; every layer that has its rows makes one row of its output, the layer nearest to the
 *   end first, and its edges drop the rows nothing needs any more. Borders are rows and columns of the zero point.
 *
 *   in      int8  [edges[0].in_rows][edges[0].data_bytes]
 *   out     int8  rows of the last layer, out_row_bytes each; 0 where it keeps one row to the end
 *
 * An edge's row is row_bytes: left_bytes of the zero point, data_bytes, the zero point. `next` is the next edge that
 * takes the same rows, 0 for none. Edge 0 takes the stage's input; where it is the only one that does, it keeps no row
 * and takes the ones it needs again from the input.
 *
 * Range:   at most EP_STAGE_INPUTS edges a layer, 254 edges.
 * Scratch: counters (ep_stage_counters_t for each edge, then uint16_t for each layer), then what the generator placed.
 *          Align: 4 bytes.
 * Order:   input rows are copied before they are used, output rows ascend. How far they may overlap is worked out by the
 *          generator, and so is that rows never run out.
 * Proof:   edgeprune/engine/plan/stage/validator.py for the placement; tests/firmware/test_stage.py, LiteRT's bytes.
 */
#ifndef EP_STAGE_H
#define EP_STAGE_H

#include <stdint.h>

#define EP_STAGE_INPUTS 2U
#define EP_STAGE_END 255U

typedef struct {
    uint16_t filled;  /* rows in the buffer, the border's included */
    uint16_t arrived; /* rows of the image so far */
} ep_stage_counters_t;

typedef struct {
    uint32_t offset; /* in scratch */
    uint16_t row_bytes, left_bytes, data_bytes;
    uint16_t in_rows;
    uint8_t needed;  /* rows for one output row */
    uint8_t dropped; /* rows done with after it */
    uint8_t pad_top;
    uint8_t next;
    int8_t zero;
} ep_stage_edge_t;

typedef struct {
    /* One output row, number `row`, from the rows at in[0], in[1]. */
    void (*run)(const int8_t *const *in, int8_t *out, void *scratch, uint32_t row);
    uint32_t scratch_offset;
    uint16_t out_rows;
    uint16_t out_row_bytes; /* of the last layer */
    uint8_t first_edge, edges;
    uint8_t out_edge; /* first edge that takes its rows; EP_STAGE_END for the last layer */
} ep_stage_layer_t;

typedef struct {
    const ep_stage_edge_t *edges;
    const ep_stage_layer_t *layers;
    uint8_t edge_count, layer_count;
} ep_stage_t;

void ep_stage_run(const ep_stage_t *stage, const int8_t *in, int8_t *out, void *scratch);

/*
 * One row of AVERAGE_POOL_2D over a whole image; the last of `rows` writes out[c] = clamp(mean, out_min, out_max), halves
 * away from zero.
 *
 *   in      int8   [pixels][channels]
 *   sums    int32  [channels], kept from row to row; row 0 starts them
 */
typedef struct {
    uint16_t rows, pixels, channels;
    int16_t out_min, out_max;
} ep_average_rows_t;

void ep_average_rows_ref(const ep_average_rows_t *layer, const int8_t *in, int8_t *out, void *sums, uint32_t row);

#endif
