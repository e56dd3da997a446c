/*
 * Flash as the emulated MPS2 has none: a window of its 16 MB PSRAM (AN386, section 3) that behaves like flash. The PSRAM
 * is a file of the host's, so it outlives the emulator.
 *
 * What is being erased or programmed is noted at INTENT, so that a test which kills the emulator can put there what a
 * power cut leaves in real cells: a mixture.
 */
#include "flash.h"

#include "core.h"

#define INTENT CORE_REGISTER(0x21FFF000u)
#define INTENT_ADDRESS CORE_REGISTER(0x21FFF004u)
#define INTENT_BYTES CORE_REGISTER(0x21FFF008u)
#define IDLE 0u
#define ERASING 1u
#define PROGRAMMING 2u

#define SECTOR_BYTES 4096u
#define ERASED 0xFFFFFFFFu

static void begin(uint32_t intent, uint32_t address, uint32_t size_bytes)
{
    INTENT_ADDRESS = address;
    INTENT_BYTES = size_bytes;
    INTENT = intent;
}

bool flash_erase(uint32_t address, uint32_t size_bytes)
{
    if (address % SECTOR_BYTES != 0 || size_bytes % SECTOR_BYTES != 0) {
        return false;
    }
    for (uint32_t sector = address; sector < address + size_bytes; sector += SECTOR_BYTES) {
        begin(ERASING, sector, SECTOR_BYTES);
        for (uint32_t word = sector; word < sector + SECTOR_BYTES; word += 4) {
            CORE_REGISTER(word) = ERASED;
        }
        INTENT = IDLE;
    }
    return true;
}

bool flash_program(uint32_t address, const void *bytes, uint32_t size_bytes)
{
    const uint32_t *words = bytes;
    if (address % 4 != 0 || size_bytes % 4 != 0) {
        return false;
    }
    for (uint32_t i = 0; i < size_bytes / 4; i++) {
        volatile uint32_t *cell = &CORE_REGISTER(address + 4 * i);
        if (*cell == words[i]) {
            continue;
        }
        begin(PROGRAMMING, address + 4 * i, 4);
        *cell &= words[i]; /* programming only clears bits */
        INTENT = IDLE;
        if (*cell != words[i]) {
            return false;
        }
    }
    return true;
}
