/*
 * The loader's description of itself, read at BOOT_INFO_ADDRESS; little endian. The host checks an image against it
 * before anything is erased (edgeprune/device/loaders/boot_info.py).
 */
#ifndef INFO_H
#define INFO_H

#include <stdint.h>

#define BOOT_INFO_ADDRESS 0xEDB00000u
#define BOOT_INFO_MAGIC 0x49425045u /* "EPBI" */
#define BOOT_INFO_VERSION 2u

typedef struct {
    uint32_t version;
    uint32_t payload_bytes;
    uint8_t digest[32];
} boot_image_info_t;

typedef struct {
    uint32_t magic;
    uint8_t info_version;
    uint8_t slots;
    uint8_t state;  /* boot_state_t */
    uint8_t detail; /* its detail */
    uint32_t slot_origin;
    uint32_t slot_bytes;
    uint32_t page_bytes;
    uint32_t header_bytes;
    char target[32];
    uint8_t running_verdict; /* application_verdict_t of the primary slot */
    uint8_t written_verdict; /* of the slot erase and write work on */
    uint8_t orders_versions; /* 1: `minimum_version` is asked for */
    uint8_t reserved;
    boot_image_info_t running; /* zeros without a header */
    boot_image_info_t written;
    uint8_t public_key[32]; /* zeros: no signature required */
    uint32_t minimum_version;
    uint32_t crc;           /* CRC-32 of the bytes above */
} boot_info_t;

_Static_assert(sizeof(boot_info_t) == 180, "as boot_info.py unpacks it");

/* Fills `info`; checks both slots, so it takes the time of hashing them. */
void info_read(boot_info_t *info);

#endif
