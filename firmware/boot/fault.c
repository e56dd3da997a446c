/* A fault of the loader itself: begin again. What it was doing is finished from the journal. */
#include "core.h"

void ep_fault_entry(void);

void ep_fault_entry(void)
{
    SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
    for (;;) {
    }
}
