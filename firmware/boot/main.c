/* The bootloader: start an application that is whole, listen for a host that wants to write one. docs/boot.md. */
#include "an3155.h"
#include "application.h"
#include "handover.h"
#include "layout.h"
#include "slots.h"

int main(void)
{
    uint32_t request = handover_take();
    bool works = slots_resume();
    bool stays = request == HANDOVER_STAY || (request == HANDOVER_NONE && an3155_called(BOOT_WINDOW_MS));
    if (works && !stays && slots_choose(request == HANDOVER_CONFIRM)) {
        application_start();
    }
    an3155_run();
}
