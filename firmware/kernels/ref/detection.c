#include "ep_detection.h"

#include <string.h>

#include "ep_float.h"

static float half_length(float box, float scale, float anchor)
{
    return (float)(0.5 * ep_exp_double((double)box / (double)scale) * (double)anchor);
}

/* The corners of boxes that some class scores high enough for; the others are not looked at. */
static void decode(const ep_detection_t *layer, const float *box, const float *scores, const float *anchor, float *corner)
{
    const uint32_t background = layer->row - layer->classes;
    for (uint32_t n = 0; n < layer->boxes; n++, box += layer->box_len, scores += layer->row, anchor += 4, corner += 4) {
        uint32_t wanted = 0;
        for (uint32_t c = background; c < layer->row; c++) {
            wanted |= (uint32_t)(scores[c] >= layer->least_score);
        }
        if (wanted != 0U) {
            const double y_place = (double)box[0] / (double)layer->y_scale * (double)anchor[2] + (double)anchor[0];
            const double x_place = (double)box[1] / (double)layer->x_scale * (double)anchor[3] + (double)anchor[1];
            const float y = (float)y_place;
            const float x = (float)x_place;
            const float h = half_length(box[2], layer->h_scale, anchor[2]);
            const float w = half_length(box[3], layer->w_scale, anchor[3]);
            corner[0] = y - h;
            corner[1] = x - w;
            corner[2] = y + h;
            corner[3] = x + w;
        }
    }
}

static float above(float x, float y)
{
    return x < y ? y : x;
}

static float below(float x, float y)
{
    return y < x ? y : x;
}

/* Intersection over union of two boxes. */
static float overlap(const float *a, const float *b)
{
    const float area_a = (a[2] - a[0]) * (a[3] - a[1]);
    const float area_b = (b[2] - b[0]) * (b[3] - b[1]);
    if (area_a <= 0.0F || area_b <= 0.0F) {
        return 0.0F;
    }
    const float h = above(below(a[2], b[2]) - above(a[0], b[0]), 0.0F);
    const float w = above(below(a[3], b[3]) - above(a[1], b[1]), 0.0F);
    const float both = h * w;
    return both / (area_a + area_b - both);
}

/* Whether box a comes behind box b: its score is lower, or as high and its place further back. */
static int behind(const float *scores, uint32_t step, int32_t a, int32_t b)
{
    const float x = scores[(uint32_t)a * step];
    const float y = scores[(uint32_t)b * step];
    return x < y || (!(x > y) && a > b);
}

static void sift(const float *scores, uint32_t step, int32_t *order, uint32_t place, uint32_t count)
{
    const int32_t moved = order[place];
    for (uint32_t child = 2U * place + 1U; child < count; child = 2U * place + 1U) {
        if (child + 1U < count && behind(scores, step, order[child + 1U], order[child])) {
            child++;
        }
        if (!behind(scores, step, order[child], moved)) {
            break;
        }
        order[place] = order[child];
        place = child;
    }
    order[place] = moved;
}

/* Boxes that overlap none of a higher score, best first, at most `most`; the heap has the last of them on top. */
static uint32_t kept_boxes(const ep_detection_t *layer, const float *scores, uint32_t step, uint32_t most,
                           const float *corners, int32_t *order)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < layer->boxes; n++) {
        if (scores[n * step] >= layer->least_score) {
            order[count++] = (int32_t)n;
        }
    }
    for (uint32_t place = count / 2U; place > 0U; place--) {
        sift(scores, step, order, place - 1U, count);
    }
    for (uint32_t end = count; end > 1U; end--) {
        const int32_t last = order[0];
        order[0] = order[end - 1U];
        order[end - 1U] = last;
        sift(scores, step, order, 0, end - 1U);
    }
    uint32_t kept = 0;
    for (uint32_t n = 0; n < count && kept < most; n++) {
        uint32_t k = 0;
        while (k < kept && !(overlap(corners + 4 * order[k], corners + 4 * order[n]) > layer->most_overlap)) {
            k++;
        }
        if (k == kept) {
            order[kept++] = order[n];
        }
    }
    return kept;
}

/* A hole in a heap with the least value on top filled as the C++ library does it: which of equals stays depends on it. */
static void fill_hole(const float *values, int32_t *heap, uint32_t hole, uint32_t count, int32_t moved)
{
    const uint32_t top = hole;
    uint32_t child = hole;
    while (2U * child + 2U < count) {
        child = 2U * child + 2U;
        if (values[heap[child]] > values[heap[child - 1U]]) {
            child--;
        }
        heap[hole] = heap[child];
        hole = child;
    }
    if (2U * child + 2U == count) {
        child = 2U * child + 1U;
        heap[hole] = heap[child];
        hole = child;
    }
    while (hole > top && values[heap[(hole - 1U) / 2U]] > values[moved]) {
        heap[hole] = heap[(hole - 1U) / 2U];
        hole = (hole - 1U) / 2U;
    }
    heap[hole] = moved;
}

/* The `most` best classes of a box in descending order; of equals any, but those LiteRT takes. */
static void best_classes(const float *values, uint32_t count, uint32_t most, int32_t *classes)
{
    if (most == 1U) {
        classes[0] = 0;
        for (uint32_t i = 1; i < count; i++) {
            classes[0] = values[i] > values[classes[0]] ? (int32_t)i : classes[0];
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        classes[i] = (int32_t)i;
    }
    for (uint32_t place = most / 2U; place > 0U; place--) {
        fill_hole(values, classes, place - 1U, most, classes[place - 1U]);
    }
    for (uint32_t i = most; i < count; i++) {
        if (values[classes[i]] > values[classes[0]]) {
            const int32_t moved = classes[i];
            classes[i] = classes[0];
            fill_hole(values, classes, 0, most, moved);
        }
    }
    for (uint32_t end = most; end > 1U; end--) {
        const int32_t moved = classes[end - 1U];
        classes[end - 1U] = classes[0];
        fill_hole(values, classes, 0, end - 1U, moved);
    }
}

/* The `most` greatest of `count` values, in descending order, of equals the first first; `places` has room for them. */
static void greatest(const float *values, uint32_t count, uint32_t most, int32_t *places)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (found == most && (most == 0U || !(values[i] > values[places[most - 1U]]))) {
            continue;
        }
        uint32_t k = found < most ? found++ : most - 1U;
        for (; k > 0U && values[i] > values[places[k - 1U]]; k--) {
            places[k] = places[k - 1U];
        }
        places[k] = (int32_t)i;
    }
}

static void clear(const ep_detection_t *layer, uint32_t each, ep_detections_t out)
{
    const uint32_t count = layer->most_detections * each;
    (void)memset(out.boxes, 0, count * 4U * sizeof *out.boxes);
    (void)memset(out.classes, 0, count * sizeof *out.classes);
    (void)memset(out.scores, 0, count * sizeof *out.scores);
}

void ep_detection_ref(const ep_detection_t *layer, const float *in_boxes, const float *scores, const float *anchors,
                      ep_detections_t out, void *scratch)
{
    float *corners = scratch;
    float *best = corners + 4U * layer->boxes;
    int32_t *order = (int32_t *)(best + layer->boxes);
    int32_t *classes = order + layer->boxes;
    const float *row = scores + (layer->row - layer->classes);
    const uint32_t each = layer->most_classes < layer->classes ? layer->most_classes : layer->classes;
    decode(layer, in_boxes, scores, anchors, corners);
    for (uint32_t n = 0; n < layer->boxes; n++) {
        best[n] = row[n * layer->row];
        for (uint32_t c = 1; c < layer->classes; c++) {
            best[n] = above(best[n], row[n * layer->row + c]);
        }
    }
    const uint32_t kept = kept_boxes(layer, best, 1, layer->most_detections, corners, order);
    clear(layer, layer->most_classes, out);
    for (uint32_t n = 0; n < kept; n++) {
        const float *own = row + (uint32_t)order[n] * layer->row;
        best_classes(own, layer->classes, each, classes);
        for (uint32_t k = 0; k < each; k++) {
            const uint32_t place = n * layer->most_classes + k;
            (void)memcpy(out.boxes + 4U * place, corners + 4 * order[n], 4U * sizeof *corners);
            out.classes[place] = (float)classes[k];
            out.scores[place] = own[classes[k]];
        }
    }
    *out.count = (float)kept;
}

void ep_detection_each_class_ref(const ep_detection_t *layer, const float *in_boxes, const float *scores,
                                 const float *anchors, ep_detections_t out, void *scratch)
{
    const uint32_t room = layer->boxes + layer->most_detections;
    float *corners = scratch;
    int32_t *order = (int32_t *)(corners + 4U * layer->boxes);
    float *values = (float *)(order + layer->boxes);
    int32_t *places = (int32_t *)(values + room); /* box * row + class: where the score stands */
    int32_t *sorted = places + room;
    float *next_values = (float *)(sorted + room);
    int32_t *next_places = (int32_t *)(next_values + layer->most_detections);
    uint32_t count = 0;
    decode(layer, in_boxes, scores, anchors, corners);
    for (uint32_t c = layer->row - layer->classes; c < layer->row; c++) {
        const uint32_t kept = kept_boxes(layer, scores + c, layer->row, layer->most_of_a_class, corners, order);
        for (uint32_t n = 0; n < kept; n++, count++) {
            places[count] = order[n] * (int32_t)layer->row + (int32_t)c;
            values[count] = scores[places[count]];
        }
        const uint32_t most = count < layer->most_detections ? count : layer->most_detections;
        greatest(values, count, most, sorted);
        for (uint32_t n = 0; n < most; n++) {
            next_values[n] = values[sorted[n]];
            next_places[n] = places[sorted[n]];
        }
        (void)memcpy(values, next_values, most * sizeof *values);
        (void)memcpy(places, next_places, most * sizeof *places);
        count = most;
    }
    clear(layer, layer->most_classes, out);
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t box = (uint32_t)places[n] / layer->row;
        (void)memcpy(out.boxes + 4U * n, corners + 4U * box, 4U * sizeof *corners);
        out.classes[n] = (float)((uint32_t)places[n] - box * layer->row - (layer->row - layer->classes));
        out.scores[n] = values[n];
    }
    *out.count = (float)count;
}
