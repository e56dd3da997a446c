/* The bootloader: start an application that is whole, else wait for a host that writes one. docs/boot.md. */
#include "an3155.h"
#include "application.h"
#include "handover.h"
#include "journal.h"
#include "layout.h"
#include "slots.h"
#include "watchdog.h"

/* An image that was kept is not watched: it need not know of any watchdog. */
static void watch_trial(void)
{
    uint8_t detail;
    if (slots_state(&detail) == STATE_TRIAL) {
        board_watchdog_start(BOOT_WATCHDOG_MS);
    }
}

int main(void)
{
    uint32_t request = handover_take();
    bool works = slots_resume();
    bool stays = request == HANDOVER_STAY || (request == HANDOVER_NONE && an3155_called(BOOT_WINDOW_MS));
    if (works && !stays && slots_choose(request == HANDOVER_CONFIRM)) {
        watch_trial();
        application_start();
    }
    an3155_run();
}
