#include "application.h"

#include <stdbool.h>
#include <string.h>

#include "board.h"
#include "core.h"
#include "layout.h"
#include "monocypher.h"
#include "slots.h"

#define HASHED_BYTES 64u
#define INTERRUPTS (__ARM_ARCH >= 7 ? 240u : 32u)

_Static_assert(sizeof BOOT_TARGET - 1 <= sizeof ((application_t *)0)->target, "the name fits its field");

static bool is_for_this_board(const application_t *application)
{
    char expected[sizeof application->target] = BOOT_TARGET;
    return memcmp(application->target, expected, sizeof expected) == 0;
}

/* Digest and signature leave out what lies between the header's last field and the payload. */
static bool rest_is_blank(const application_t *application)
{
    const uint8_t *bytes = (const uint8_t *)application;
    for (uint32_t i = sizeof *application; i < BOOT_HEADER_BYTES; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static bool digest_holds(const application_t *application)
{
    uint8_t digest[DIGEST_BYTES];
    crypto_blake2b_ctx state;
    crypto_blake2b_init(&state, sizeof digest);
    crypto_blake2b_update(&state, (const uint8_t *)application, HASHED_BYTES);
    crypto_blake2b_update(&state, (const uint8_t *)application + BOOT_HEADER_BYTES, application->payload_bytes);
    crypto_blake2b_final(&state, digest);
    return memcmp(digest, application->digest, sizeof digest) == 0;
}

static bool vectors_hold(const application_t *application)
{
    const uint32_t *vectors = (const uint32_t *)((uintptr_t)application + BOOT_HEADER_BYTES);
    uint32_t stack = vectors[0];
    uint32_t start = vectors[1] - (BOOT_SLOT_ORIGIN + BOOT_HEADER_BYTES);
    return stack > BOOT_RAM_ORIGIN && stack - BOOT_RAM_ORIGIN <= BOOT_RAM_BYTES && (stack & 7u) == 0 &&
           (vectors[1] & 1u) == 1 && start < application->payload_bytes;
}

application_verdict_t application_check(uint32_t address)
{
    const application_t *application = (const application_t *)(uintptr_t)address;
    if (application->magic != APPLICATION_MAGIC) {
        return APPLICATION_NONE;
    }
    if (application->header_bytes != BOOT_HEADER_BYTES || application->payload_bytes < 2 * sizeof(uint32_t) ||
        application->payload_bytes > BOOT_SLOT_BYTES - BOOT_HEADER_BYTES) {
        return APPLICATION_LENGTH;
    }
    if (application->load_address != BOOT_SLOT_ORIGIN) {
        return APPLICATION_PLACE;
    }
    if (!is_for_this_board(application)) {
        return APPLICATION_TARGET;
    }
    if (!rest_is_blank(application)) {
        return APPLICATION_HEADER;
    }
    if (!vectors_hold(application)) {
        return APPLICATION_VECTORS;
    }
    if (!digest_holds(application)) {
        return APPLICATION_DIGEST;
    }
    if (!signature_holds(application)) {
        return APPLICATION_SIGNATURE;
    }
    bool is_older = BOOT_ORDERS_VERSIONS && application->version < slots_minimum_version();
    return is_older ? APPLICATION_VERSION : APPLICATION_GOOD;
}

/* The application's vectors serve its own interrupts, not those this loader has enabled. */
static void quiet(void)
{
    for (uint32_t irq = 0; irq < INTERRUPTS; irq += 32u) {
        NVIC_ICER(irq) = 0xFFFFFFFFu;
        NVIC_ICPR(irq) = 0xFFFFFFFFu;
    }
}

_Noreturn void application_start(void)
{
    const uint32_t *vectors = (const uint32_t *)(BOOT_SLOT_ORIGIN + BOOT_HEADER_BYTES);
    board_drain();
    quiet();
#if __ARM_ARCH >= 7
    SCB_VTOR = (uint32_t)vectors;
#endif
    __asm volatile("msr msp, %0\n"
                   "bx %1\n" ::"r"(vectors[0]),
                   "r"(vectors[1])
                   : "memory");
    __builtin_unreachable();
}
