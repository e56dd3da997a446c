#include "ep_arg_max.h"

/* BETTER compares x with best, the first of the best so far. */
#define EP_ARG_MAX(NAME, TYPE, OUT, BETTER)                                                          \
    void NAME(const TYPE *in, OUT *out, uint32_t outer, uint32_t count, uint32_t inner)              \
    {                                                                                                \
        for (uint32_t o = 0; o < outer; o++, in += count * inner) {                                  \
            for (uint32_t i = 0; i < inner; i++) {                                                   \
                uint32_t place = 0;                                                                  \
                for (uint32_t k = 1; k < count; k++) {                                               \
                    const TYPE best = in[place * inner + i];                                         \
                    const TYPE x = in[k * inner + i];                                                \
                    place = (BETTER) ? k : place;                                                    \
                }                                                                                    \
                *out++ = (OUT)place;                                                                 \
            }                                                                                        \
        }                                                                                            \
    }

EP_ARG_MAX(ep_arg_max_ref, int8_t, int32_t, x > best)
EP_ARG_MAX(ep_arg_min_ref, int8_t, int32_t, x < best)
EP_ARG_MAX(ep_arg_max_int32_ref, int32_t, int32_t, x > best)
EP_ARG_MAX(ep_arg_min_int32_ref, int32_t, int32_t, x < best)
EP_ARG_MAX(ep_arg_max_float_ref, float, int32_t, x > best)
EP_ARG_MAX(ep_arg_min_float_ref, float, int32_t, x < best)

EP_ARG_MAX(ep_arg_max_wide_ref, int8_t, int64_t, x > best)
EP_ARG_MAX(ep_arg_min_wide_ref, int8_t, int64_t, x < best)
EP_ARG_MAX(ep_arg_max_int32_wide_ref, int32_t, int64_t, x > best)
EP_ARG_MAX(ep_arg_min_int32_wide_ref, int32_t, int64_t, x < best)
EP_ARG_MAX(ep_arg_max_float_wide_ref, float, int64_t, x > best)
EP_ARG_MAX(ep_arg_min_float_wide_ref, float, int64_t, x < best)
