#include "ep_reduce_numbers.h"

/* FIRST is what an output begins with, NEXT what it becomes with one value more, `last` after all of them. */
#define EP_REDUCE_NUMBERS(NAME, TYPE, FIRST, NEXT, LAST)                                                  \
    void NAME(const ep_reduce_numbers_t *layer, const TYPE *in, TYPE *out)                                \
    {                                                                                                     \
        const ep_axis_t run = layer->reduced[0];                                                          \
        ep_walk_t place = {0};                                                                            \
        do {                                                                                              \
            const TYPE *first = in + place.a;                                                             \
            TYPE all = FIRST;                                                                             \
            ep_walk_t walk = {0};                                                                         \
            do {                                                                                          \
                const TYPE *x = first + walk.a;                                                           \
                for (uint32_t i = 0; i < run.count; i++, x += run.step_a) {                               \
                    all = NEXT;                                                                           \
                }                                                                                         \
            } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);             \
            *out++ = LAST;                                                                                \
        } while (ep_walk_next(&place, layer->kept, layer->kept_rank) != 0);                               \
    }

EP_REDUCE_NUMBERS(ep_sum_float_ref, float, 0.0F, all + *x, all)
EP_REDUCE_NUMBERS(ep_mean_float_ref, float, 0.0F, all + *x, all / layer->count)
EP_REDUCE_NUMBERS(ep_reduce_prod_float_ref, float, 1.0F, all * *x, all)
EP_REDUCE_NUMBERS(ep_reduce_max_float_ref, float, *first, *x > all ? *x : all, all)
EP_REDUCE_NUMBERS(ep_reduce_min_float_ref, float, *first, *x < all ? *x : all, all)

EP_REDUCE_NUMBERS(ep_sum_int32_ref, int32_t, 0, (int32_t)((uint32_t)all + (uint32_t)*x), all)
EP_REDUCE_NUMBERS(ep_reduce_prod_int32_ref, int32_t, 1, (int32_t)((uint32_t)all * (uint32_t)*x), all)
EP_REDUCE_NUMBERS(ep_reduce_max_int32_ref, int32_t, *first, *x > all ? *x : all, all)
EP_REDUCE_NUMBERS(ep_reduce_min_int32_ref, int32_t, *first, *x < all ? *x : all, all)

#define EP_CUMSUM(NAME, TYPE, SUM)                                                                        \
    void NAME(const ep_cumsum_t *layer, const TYPE *in, TYPE *out)                                        \
    {                                                                                                     \
        for (uint32_t o = 0; o < layer->outer; o++) {                                                     \
            for (uint32_t i = 0; i < layer->inner; i++) {                                                 \
                TYPE sum = 0;                                                                             \
                for (uint32_t k = 0; k < layer->len; k++) {                                               \
                    const uint32_t row = layer->reverse != 0U ? layer->len - 1U - k : k;                  \
                    const uint32_t at = (o * layer->len + row) * layer->inner + i;                        \
                    const TYPE next = (TYPE)((SUM)sum + (SUM)in[at]);                                     \
                    out[at] = layer->exclusive != 0U ? sum : next;                                        \
                    sum = next;                                                                           \
                }                                                                                         \
            }                                                                                             \
        }                                                                                                 \
    }

EP_CUMSUM(ep_cumsum_float_ref, float, float)
EP_CUMSUM(ep_cumsum_int32_ref, int32_t, uint32_t)
