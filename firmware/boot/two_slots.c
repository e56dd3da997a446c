/*
 * Two slots and a scratch block. New images are written to the staging slot and swapped in block by block:
 *
 *   primary[i] -> scratch,  staging[i] -> primary[i],  scratch -> staging[i]
 *
 * Each copy is recorded when it is whole. Cut off inside one, it is made again: what it reads from is not touched before
 * the next copy begins.
 */
#include "flash.h"
#include "journal.h"
#include "layout.h"
#include "slots.h"
#include "watchdog.h"

#define COPIES_A_BLOCK 3u
#define STARTS_ON_TRIAL 3u

static boot_record_t now;

static bool is_good(uint32_t slot)
{
    return application_check(slot) == APPLICATION_GOOD;
}

static bool enter(boot_state_t state, uint8_t detail)
{
    now.state = (uint8_t)state;
    now.detail = detail;
    now.blocks = 0;
    now.step = 0;
    return journal_append(&now);
}

static bool copy_block(uint32_t to, uint32_t from)
{
    return flash_erase(to, BOOT_BLOCK_BYTES) && flash_program(to, (const void *)(uintptr_t)from, BOOT_BLOCK_BYTES);
}

static bool copy_step(uint32_t step)
{
    uint32_t offset = step / COPIES_A_BLOCK * BOOT_BLOCK_BYTES;
    board_watchdog_feed();
    switch (step % COPIES_A_BLOCK) {
    case 0:
        return copy_block(BOOT_SCRATCH_ORIGIN, BOOT_SLOT_ORIGIN + offset);
    case 1:
        return copy_block(BOOT_SLOT_ORIGIN + offset, BOOT_STAGING_ORIGIN + offset);
    default:
        return copy_block(BOOT_STAGING_ORIGIN + offset, BOOT_SCRATCH_ORIGIN);
    }
}

/* Goes on with the swap of `now` to its end and enters the state behind it. */
static bool swap(void)
{
    while (now.step < now.blocks * COPIES_A_BLOCK) {
        if (!copy_step(now.step)) {
            return false;
        }
        now.step++;
        if (!journal_append(&now)) {
            return false;
        }
    }
    if (now.state == STATE_RETURNING) {
        return enter(STATE_SETTLED, SETTLED_RETURNED);
    }
    return now.detail != 0 ? enter(STATE_TRIAL, 0) : enter(STATE_SETTLED, SETTLED_ALONE);
}

static uint16_t slot_blocks(uint32_t slot)
{
    const application_t *application = (const application_t *)(uintptr_t)slot;
    return (uint16_t)((BOOT_HEADER_BYTES + application->payload_bytes + BOOT_BLOCK_BYTES - 1) / BOOT_BLOCK_BYTES);
}

/* Swaps a good staging slot in. */
static bool begin_swap(boot_state_t state)
{
    bool has_old = is_good(BOOT_SLOT_ORIGIN);
    now.state = (uint8_t)state;
    now.detail = has_old;
    now.blocks = slot_blocks(BOOT_STAGING_ORIGIN);
    if (has_old && slot_blocks(BOOT_SLOT_ORIGIN) > now.blocks) {
        now.blocks = slot_blocks(BOOT_SLOT_ORIGIN);
    }
    now.step = 0;
    return journal_append(&now) && swap();
}

bool slots_resume(void)
{
    journal_read(&now);
    return now.state != STATE_INSTALLING && now.state != STATE_RETURNING ? true : swap();
}

/* A whole image is left in the staging slot after every update: no reset may find it there in state OPEN. */
static bool spoil_staging(void)
{
    return flash_erase(BOOT_STAGING_ORIGIN, BOOT_BLOCK_BYTES);
}

bool slots_begin(void)
{
    if (now.state == STATE_OPEN) {
        return true;
    }
    /* Flash failed in the middle of a swap: only its end makes the primary slot whole again. */
    if ((now.state == STATE_INSTALLING || now.state == STATE_RETURNING) && !swap()) {
        return false;
    }
    /* The old image is the only one known to answer: it goes back to its place before the staging slot is cleared. */
    if (now.state == STATE_TRIAL && is_good(BOOT_STAGING_ORIGIN) && !begin_swap(STATE_RETURNING)) {
        return false;
    }
    return spoil_staging() && enter(STATE_OPEN, 0);
}

uint32_t slots_written(void)
{
    return BOOT_STAGING_ORIGIN;
}

uint32_t slots_readable(void)
{
    return now.state == STATE_OPEN ? BOOT_STAGING_ORIGIN : BOOT_SLOT_ORIGIN;
}

application_verdict_t slots_verdict(void)
{
    return application_check(slots_readable());
}

uint32_t slots_minimum_version(void)
{
    return now.minimum_version > BOOT_MINIMUM_VERSION ? now.minimum_version : BOOT_MINIMUM_VERSION;
}

/*
 * The image that answered stays, and from now on none older runs. Both are in one record: cut off, neither holds. The
 * old image has to be able to come back until then.
 */
static bool keep(void)
{
    const application_t *kept = (const application_t *)(uintptr_t)BOOT_SLOT_ORIGIN;
    bool is_newer = BOOT_ORDERS_VERSIONS && is_good(BOOT_SLOT_ORIGIN) && kept->version > now.minimum_version;
    if (now.state != STATE_TRIAL && !(now.state == STATE_SETTLED && is_newer)) {
        return true;
    }
    if (is_newer) {
        now.minimum_version = kept->version;
    }
    return enter(STATE_SETTLED, SETTLED_CONFIRMED);
}

bool slots_choose(bool confirmed)
{
    if (confirmed && !keep()) {
        return false;
    }
    if (now.state == STATE_OPEN && is_good(BOOT_STAGING_ORIGIN) && !begin_swap(STATE_INSTALLING)) {
        return false;
    }
    bool tried_enough = now.state == STATE_TRIAL && now.detail >= STARTS_ON_TRIAL;
    bool is_whole = is_good(BOOT_SLOT_ORIGIN);
    if ((tried_enough || !is_whole) && is_good(BOOT_STAGING_ORIGIN)) {
        if (!begin_swap(STATE_RETURNING)) {
            return false;
        }
        is_whole = is_good(BOOT_SLOT_ORIGIN);
    }
    if (is_whole && now.state == STATE_TRIAL && now.detail < STARTS_ON_TRIAL) {
        return enter(STATE_TRIAL, (uint8_t)(now.detail + 1));
    }
    return is_whole;
}

uint8_t slots_state(uint8_t *detail)
{
    *detail = now.detail;
    return now.state;
}
