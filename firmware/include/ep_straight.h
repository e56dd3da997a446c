/*
 * For functions generated for a layer:
 *
 *   EP_STRAIGHT     before a loop whose bounds are constants: it becomes straight code
 *   EP_AS_WRITTEN   of a function: its instructions stay in the order they are written in. Scheduled for latency, all
 *                   weights of a row would be loaded before their use, and spilled.
 */
#ifndef EP_STRAIGHT_H
#define EP_STRAIGHT_H

#if defined(__clang__)
#define EP_STRAIGHT _Pragma("clang loop unroll(full)")
#define EP_AS_WRITTEN
#else
#define EP_STRAIGHT _Pragma("GCC unroll 64")
#define EP_AS_WRITTEN __attribute__((optimize("no-schedule-insns")))
#endif

#endif
