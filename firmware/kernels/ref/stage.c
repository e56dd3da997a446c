#include "ep_stage.h"

#include <string.h>

#include "ep_fixed_point.h"

/* One inference under way. */
typedef struct {
    const ep_stage_t *stage;
    int8_t *scratch;
    ep_stage_counters_t *edges; /* per edge */
    uint16_t *made;             /* rows per layer */
    int8_t *out;
} run_t;

/* The place of an edge's next row, borders filled in; where the row's data belongs. */
static int8_t *next_row(const run_t *run, uint32_t edge)
{
    const ep_stage_edge_t *const e = &run->stage->edges[edge];
    int8_t *const row = run->scratch + e->offset + (uint32_t)run->edges[edge].filled * e->row_bytes;
    const uint32_t before = e->left_bytes;
    const uint32_t behind = before + e->data_bytes;
    memset(row, e->zero, before);
    memset(row + behind, e->zero, e->row_bytes - behind);
    return row + before;
}

/* Hands a row to `edge` and all others that take it; it may stand in the first one's place already. */
static void deliver(const run_t *run, uint32_t edge, const int8_t *data)
{
    do {
        const ep_stage_edge_t *const e = &run->stage->edges[edge];
        int8_t *const place = next_row(run, edge);
        if (place != data) {
            memcpy(place, data, e->data_bytes);
        }
        run->edges[edge].filled++;
        run->edges[edge].arrived++;
        edge = e->next;
    } while (edge != 0U);
}

/* Empties an edge; the next row it takes is row `first` of the image, above which the border is. */
static void start_edge(const run_t *run, uint32_t edge, int32_t first)
{
    const ep_stage_edge_t *const e = &run->stage->edges[edge];
    run->edges[edge].filled = 0;
    for (; first < 0; first++) {
        memset(next_row(run, edge), e->zero, e->data_bytes);
        run->edges[edge].filled++;
    }
    run->edges[edge].arrived = (uint16_t)first;
}

static uint32_t is_ready(const run_t *run, uint32_t index)
{
    const ep_stage_layer_t *const layer = &run->stage->layers[index];
    if (run->made[index] == layer->out_rows) {
        return 0;
    }
    for (uint32_t i = layer->first_edge; i < (uint32_t)layer->first_edge + layer->edges; i++) {
        const ep_stage_edge_t *const e = &run->stage->edges[i];
        if (run->edges[i].filled < e->needed && run->edges[i].arrived < e->in_rows) {
            return 0;
        }
    }
    return 1;
}

static void make_row(const run_t *run, uint32_t index)
{
    const ep_stage_layer_t *const layer = &run->stage->layers[index];
    const int8_t *in[EP_STAGE_INPUTS] = {0};
    for (uint32_t i = 0; i < layer->edges; i++) {
        const uint32_t edge = layer->first_edge + i;
        const ep_stage_edge_t *const e = &run->stage->edges[edge];
        for (; run->edges[edge].filled < e->needed; run->edges[edge].filled++) { /* below the image */
            memset(next_row(run, edge), e->zero, e->data_bytes);
        }
        in[i] = run->scratch + e->offset;
    }
    const uint32_t row = run->made[index];
    const uint32_t is_last = layer->out_edge == EP_STAGE_END ? 1U : 0U;
    int8_t *const out = is_last != 0U ? run->out + row * layer->out_row_bytes : next_row(run, layer->out_edge);
    layer->run(in, out, run->scratch + layer->scratch_offset, row);
    run->made[index]++;
    if (is_last == 0U) {
        deliver(run, layer->out_edge, out);
    }
    for (uint32_t i = 0; i < layer->edges; i++) {
        const uint32_t edge = layer->first_edge + i;
        const ep_stage_edge_t *const e = &run->stage->edges[edge];
        if (edge == 0U && e->next == 0U) {
            start_edge(run, 0, (int32_t)run->made[index] * e->dropped - e->pad_top);
        } else {
            const uint32_t kept = (uint32_t)run->edges[edge].filled - e->dropped;
            memmove(run->scratch + e->offset, in[i] + (uint32_t)e->dropped * e->row_bytes, kept * e->row_bytes);
            run->edges[edge].filled = (uint16_t)kept;
        }
    }
}

void ep_stage_run(const ep_stage_t *stage, const int8_t *in, int8_t *out, void *scratch)
{
    ep_stage_counters_t *const edges = scratch;
    const run_t run = {stage, scratch, edges, (uint16_t *)(void *)(edges + stage->edge_count), out};
    memset(run.made, 0, stage->layer_count * sizeof(uint16_t));
    for (uint32_t i = 0; i < stage->edge_count; i++) {
        start_edge(&run, i, -(int32_t)stage->edges[i].pad_top);
    }
    while (run.made[stage->layer_count - 1U] < stage->layers[stage->layer_count - 1U].out_rows) {
        uint32_t index = stage->layer_count;
        while (index != 0U && is_ready(&run, index - 1U) == 0U) {
            index--;
        }
        if (index != 0U) {
            make_row(&run, index - 1U);
        } else {
            deliver(&run, 0, in + (uint32_t)edges[0].arrived * stage->edges[0].data_bytes);
        }
    }
}

void ep_average_rows_ref(const ep_average_rows_t *layer, const int8_t *in, int8_t *out, void *sums, uint32_t row)
{
    int32_t *const sum = sums;
    const int32_t count = (int32_t)layer->rows * layer->pixels;
    if (row == 0U) {
        memset(sum, 0, layer->channels * sizeof(int32_t));
    }
    for (uint32_t pixel = 0; pixel < layer->pixels; pixel++) {
        for (uint32_t c = 0; c < layer->channels; c++) {
            sum[c] += *in++;
        }
    }
    if (row + 1U == layer->rows) {
        for (uint32_t c = 0; c < layer->channels; c++) {
            const int32_t half = sum[c] > 0 ? count / 2 : -(count / 2);
            out[c] = (int8_t)ep_clamp((sum[c] + half) / count, layer->out_min, layer->out_max);
        }
    }
}
