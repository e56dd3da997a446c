/*
 * Boxes of a detection network: decoded, and of those that overlap the best alone (TFLite_Detection_PostProcess).
 *
 *   y = box_y / y_scale * anchor_h + anchor_y      h = exp(box_h / h_scale) * anchor_h / 2      corners y - h, y + h
 *   x = box_x / x_scale * anchor_w + anchor_x      w likewise, in double, corners rounded to float
 *
 *   best class:  a box counts with the best of its classes; boxes in descending order of that score (of equals the first
 *                comes first), each kept unless it overlaps one kept before by more than `most_overlap`; its
 *                `most_classes` best classes come out
 *   each class:  the same for every class alone, at most `most_of_a_class` of each, then the best of all
 *
 *   in_boxes    float  [boxes][box_len]   y, x, h, w, and what is not read
 *   scores      float  [boxes][row]       `row` classes, of which the first may be the background: `classes` or one more
 *   anchors     float  [boxes][4]         y, x, h, w
 *   out_boxes   float  [most_detections * most_classes][4]   ymin, xmin, ymax, xmax; zeros behind the last
 *   out_classes, out_scores   float  [most_detections * most_classes]
 *   out_count   float  [1]
 *
 * Scratch: words of 4 bytes: 6 * boxes + classes; each class: 9 * boxes + 5 * most_detections. Align: 4 bytes. Order: any; apart.
 * Proof:   tests/firmware/numbers/test_detection.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DETECTION_H
#define EP_DETECTION_H

#include <stdint.h>

typedef struct {
    uint32_t boxes, box_len, classes, row;
    uint32_t most_detections, most_classes, most_of_a_class;
    float least_score, most_overlap;
    float y_scale, x_scale, h_scale, w_scale;
} ep_detection_t;

typedef struct {
    float *boxes, *classes, *scores, *count;
} ep_detections_t;

void ep_detection_ref(const ep_detection_t *layer, const float *in_boxes, const float *scores, const float *anchors,
                      ep_detections_t out, void *scratch);
void ep_detection_each_class_ref(const ep_detection_t *layer, const float *in_boxes, const float *scores,
                                 const float *anchors, ep_detections_t out, void *scratch);

#endif
