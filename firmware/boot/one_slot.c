/* Boards whose flash holds one image: an update replaces it in place, and after a power cut only the loader answers. */
#include "journal.h"
#include "layout.h"
#include "slots.h"

bool slots_resume(void)
{
    return true;
}

bool slots_begin(void)
{
    return true;
}

uint32_t slots_written(void)
{
    return BOOT_SLOT_ORIGIN;
}

uint32_t slots_readable(void)
{
    return BOOT_SLOT_ORIGIN;
}

application_verdict_t slots_verdict(void)
{
    return application_check(BOOT_SLOT_ORIGIN);
}

bool slots_choose(bool confirmed)
{
    (void)confirmed;
    return slots_verdict() == APPLICATION_GOOD;
}

uint8_t slots_state(uint8_t *detail)
{
    *detail = SETTLED_ALONE;
    return STATE_SETTLED;
}

/* There is no journal to keep a higher one in. */
uint32_t slots_minimum_version(void)
{
    return BOOT_MINIMUM_VERSION;
}
