/*
 * The channels of a pixel behind the last group of four of mve/tile.h.
 *
 *   stream  for each channel: bias, multiplier and shift int32, weights int8 [taps] filled up to a multiple of four
 *   column  as in mve/tile.h
 */
#ifndef EP_MVE_SINGLE_CHANNELS_H
#define EP_MVE_SINGLE_CHANNELS_H

#include "ep_fixed_point.h"
#include "mve/tile.h"
#include "mve/vector.h"

static inline void ep_mve_single_channels(const ep_mve_tile_job_t *job, const int32_t *stream, uint32_t taps,
                                          uint32_t channels, const int8_t *column, int8_t *out)
{
    for (; channels != 0U; channels--) {
        const int32_t acc = ep_mve_dot(column, (const int8_t *)(stream + 3), taps, stream[0]);
        const int32_t scaled = ep_requant_add(acc, stream[1], stream[2], job->out_zero);
        *out++ = (int8_t)ep_clamp(scaled, job->out_min, job->out_max);
        stream += 3U + (taps + 3U) / 4U;
    }
}

#endif
