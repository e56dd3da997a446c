/* Where a new image is written and how it becomes the one that runs: two_slots.c or one_slot.c. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "application.h"

/* After a reset: finishes what a power cut interrupted. False when flash fails. */
bool slots_resume(void);

/* Makes the slot that is written to ready for it; before every erase or write. False when flash fails. */
bool slots_begin(void);

uint32_t slots_written(void);  /* address of the slot that erase and write work on */
uint32_t slots_readable(void); /* address of the slot that read shows: what was written, else what runs */

/* Would a start begin something whole? The verdict on the image that was written, else on the one that runs. */
application_verdict_t slots_verdict(void);

/* Decides what runs; `confirmed`: the image on trial has answered. True when the primary slot may be started. */
bool slots_choose(bool confirmed);

/* The lowest version that may run; 0 where any may. */
uint32_t slots_minimum_version(void);

/* For the host: a boot_state_t and its detail. */
uint8_t slots_state(uint8_t *detail);

#endif
