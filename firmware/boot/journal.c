#include "journal.h"

#include <string.h>

#include "console.h"
#include "flash.h"
#include "layout.h"

#define RECORDS (BOOT_JOURNAL_SECTOR_BYTES / sizeof(boot_record_t))

_Static_assert(BOOT_JOURNAL_SECTOR_BYTES >= 8 * sizeof(boot_record_t), "room for records");

static const boot_record_t *sector_records(uint32_t sector)
{
    return (const boot_record_t *)(BOOT_JOURNAL_ORIGIN + sector * BOOT_JOURNAL_SECTOR_BYTES);
}

static uint32_t record_crc(const boot_record_t *record)
{
    const uint8_t *bytes = (const uint8_t *)record;
    uint32_t state = CON_CRC_START;
    for (uint32_t i = 0; i < sizeof *record - sizeof record->crc; i++) {
        state = con_crc(state, bytes[i]);
    }
    return ~state;
}

static bool is_whole(const boot_record_t *record)
{
    return record->crc == record_crc(record) && record->format == RECORD_FORMAT && record->state >= STATE_SETTLED && record->state <= STATE_RETURNING;
}

static bool is_blank(const boot_record_t *record)
{
    const uint8_t *bytes = (const uint8_t *)record;
    for (uint32_t i = 0; i < sizeof *record; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* The newest whole record of both sectors and its sector; NULL when there is none. */
static const boot_record_t *newest(uint32_t *sector)
{
    const boot_record_t *best = NULL;
    for (uint32_t s = 0; s < 2; s++) {
        const boot_record_t *records = sector_records(s);
        for (uint32_t i = 0; i < RECORDS; i++) {
            if (is_whole(&records[i]) && (best == NULL || records[i].sequence > best->sequence)) {
                best = &records[i];
                *sector = s;
            }
        }
    }
    return best;
}

void journal_read(boot_record_t *record)
{
    uint32_t sector;
    const boot_record_t *last = newest(&sector);
    memset(record, 0, sizeof *record);
    record->state = STATE_SETTLED;
    if (last != NULL) {
        *record = *last;
    }
}

/* First record of the sector behind which all are blank. */
static uint32_t free_index(uint32_t sector)
{
    const boot_record_t *records = sector_records(sector);
    uint32_t index = RECORDS;
    while (index > 0 && is_blank(&records[index - 1])) {
        index--;
    }
    return index;
}

/* A record that was cut off or does not read back stays where it is; the next one is tried. */
static bool append_to(uint32_t sector, const boot_record_t *record)
{
    const boot_record_t *records = sector_records(sector);
    for (uint32_t i = free_index(sector); i < RECORDS; i++) {
        if (flash_program((uint32_t)(uintptr_t)&records[i], record, sizeof *record)) {
            return true;
        }
    }
    return false;
}

bool journal_append(boot_record_t *record)
{
    uint32_t sector = 1;
    const boot_record_t *last = newest(&sector);
    record->format = RECORD_FORMAT;
    record->sequence = last == NULL ? 1 : last->sequence + 1;
    record->crc = record_crc(record);
    if (last != NULL && append_to(sector, record)) {
        return true;
    }
    /* The sector with the newest record stays as it is until the other one holds a newer one. */
    uint32_t other = 1 - sector;
    return flash_erase((uint32_t)(uintptr_t)sector_records(other), BOOT_JOURNAL_SECTOR_BYTES) && append_to(other, record);
}
