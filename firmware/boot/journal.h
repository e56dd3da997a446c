/*
 * The loader's memory across resets: records appended to one of two flash sectors, the newest whole one counts.
 * Only the loader writes it. A record is the whole state, so nothing has to be replayed.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    STATE_SETTLED = 1,    /* the primary slot runs; the staging slot is not looked at */
    STATE_OPEN = 2,       /* the primary slot runs; the staging slot is being written */
    STATE_INSTALLING = 3, /* the slots are being swapped: new image in */
    STATE_TRIAL = 4,      /* the new image runs and has not answered; the old one is in the staging slot */
    STATE_RETURNING = 5,  /* the slots are being swapped: old image back */
} boot_state_t;

typedef enum {
    SETTLED_AT_FIRST = 0, /* no update yet */
    SETTLED_CONFIRMED = 1,
    SETTLED_RETURNED = 2, /* the new image did not answer and was taken out again */
    SETTLED_ALONE = 3,    /* there was no old image to go back to */
} settled_reason_t;

#define RECORD_FORMAT 1u

typedef struct {
    uint32_t sequence; /* counts up by one */
    uint8_t state;
    uint8_t detail;  /* SETTLED: reason; INSTALLING: 1 when an old image can come back; TRIAL: starts so far */
    uint16_t blocks; /* swapping: how many */
    uint16_t step;   /* swapping: copies finished, three a block */
    uint16_t format; /* RECORD_FORMAT; records of any other are none */
    uint32_t minimum_version; /* of the images that were kept, the newest; no record holds a lower one than the last */
    uint32_t reserved[3];
    uint32_t crc; /* CRC-32 of the bytes above */
} boot_record_t;

_Static_assert(sizeof(boot_record_t) == 32, "records lie side by side in flash");

/* The newest record, or SETTLED_AT_FIRST when there is none. */
void journal_read(boot_record_t *record);

/* Appends `record` with the next sequence number and CRC put into it. False when flash takes no more. */
bool journal_append(boot_record_t *record);

#endif
