#include "info.h"

#include <stddef.h>
#include <string.h>

#include "application.h"
#include "console.h"
#include "layout.h"
#include "slots.h"

_Static_assert(sizeof BOOT_TARGET - 1 <= sizeof ((boot_info_t *)0)->target, "the name fits its field");

static void describe(uint32_t slot, boot_image_info_t *image)
{
    const application_t *application = (const application_t *)(uintptr_t)slot;
    if (application->magic == APPLICATION_MAGIC) {
        image->version = application->version;
        image->payload_bytes = application->payload_bytes;
        memcpy(image->digest, application->digest, sizeof image->digest);
    }
}

void info_read(boot_info_t *info)
{
    memset(info, 0, sizeof *info);
    info->magic = BOOT_INFO_MAGIC;
    info->info_version = BOOT_INFO_VERSION;
    info->slots = BOOT_SLOTS;
    info->state = slots_state(&info->detail);
    info->slot_origin = BOOT_SLOT_ORIGIN;
    info->slot_bytes = BOOT_SLOT_BYTES;
    info->page_bytes = BOOT_BLOCK_BYTES;
    info->header_bytes = BOOT_HEADER_BYTES;
    memcpy(info->target, BOOT_TARGET, sizeof BOOT_TARGET - 1);
    info->running_verdict = (uint8_t)application_check(BOOT_SLOT_ORIGIN);
    info->written_verdict = (uint8_t)application_check(slots_written());
    describe(BOOT_SLOT_ORIGIN, &info->running);
    describe(slots_written(), &info->written);
    memcpy(info->public_key, boot_public_key, sizeof info->public_key);
    info->orders_versions = BOOT_ORDERS_VERSIONS;
    info->minimum_version = BOOT_ORDERS_VERSIONS ? slots_minimum_version() : 0;
    uint32_t state = CON_CRC_START;
    for (uint32_t i = 0; i < offsetof(boot_info_t, crc); i++) {
        state = con_crc(state, ((const uint8_t *)info)[i]);
    }
    info->crc = ~state;
}
