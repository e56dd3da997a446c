/*
 * Verbs that concern a bootloader underneath (docs/boot.md). Both end in a reset: the loader reads what was left for it.
 * In firmware built without one they do not exist.
 */
#include "console.h"

#ifdef BOOT_HANDOVER

#include "board.h"
#include "handover.h"

bool con_ep_boot(const char *verb)
{
    uint32_t request = con_is(verb, "confirm")  ? HANDOVER_CONFIRM
                       : con_is(verb, "loader") ? HANDOVER_STAY
                                                : HANDOVER_NONE;
    if (request == HANDOVER_NONE) {
        return false;
    }
    con_put("m-ep-");
    con_line(verb);
    board_drain();
    handover_reset(request);
}

#else

bool con_ep_boot(const char *verb)
{
    (void)verb;
    return false;
}

#endif
