/* Symbols of sections.ld: addresses, never values. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

extern uint32_t ep_stack_limit[]; /* lowest address of the stack */
extern uint32_t ep_stack_top[];   /* first address above it */
extern uint32_t ep_data_start[];
extern uint32_t ep_data_end[];
extern const uint32_t ep_data_load[]; /* where flash holds .data */
extern uint32_t ep_bss_start[];
extern uint32_t ep_bss_end[]; /* the arena is not among it and is not cleared */

#endif
