/*
 * A walk over an array of up to EP_MAX_AXES axes in which two pointers advance by steps of their own.
 *
 *   axes[0] is the fastest. Axes that could be one are merged when the code is generated.
 *
 * Proof: the tests of the operators that walk: tests/firmware/operators/test_elementwise.py,
 *        tests/firmware/operators/test_copy.py.
 */
#ifndef EP_AXES_H
#define EP_AXES_H

#include <stdint.h>

#define EP_MAX_AXES 6

typedef struct {
    uint32_t count;
    int32_t step_a; /* elements by which one count moves the first array; 0 repeats */
    int32_t step_b;
} ep_axis_t;

typedef struct {
    uint32_t index[EP_MAX_AXES];
    int32_t a; /* element offsets of the present place */
    int32_t b;
} ep_walk_t;

/* Moves to the next place on axes[0 .. rank); 0 when there is none left. Start from a walk of zeros. */
static inline int ep_walk_next(ep_walk_t *walk, const ep_axis_t *axes, uint32_t rank)
{
    for (uint32_t k = 0; k < rank; k++) {
        walk->a += axes[k].step_a;
        walk->b += axes[k].step_b;
        walk->index[k]++;
        if (walk->index[k] < axes[k].count) {
            return 1;
        }
        walk->index[k] = 0;
        walk->a -= (int32_t)axes[k].count * axes[k].step_a;
        walk->b -= (int32_t)axes[k].count * axes[k].step_b;
    }
    return 0;
}

#endif
