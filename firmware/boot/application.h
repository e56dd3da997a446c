/*
 * An application as flash holds it: this header, 0xFF up to BOOT_HEADER_BYTES, then the payload, which begins with its
 * vector table. Little endian. edgeprune/device/image/application.py writes it; docs/boot.md lists what is checked.
 */
#ifndef APPLICATION_H
#define APPLICATION_H

#include <stdint.h>

#define APPLICATION_MAGIC 0x31495045u /* "EPI1" */
#define DIGEST_BYTES 32

typedef struct {
    uint32_t magic;
    uint32_t header_bytes;
    uint32_t payload_bytes;
    uint32_t load_address; /* of this header, when the application runs */
    uint32_t version;
    uint32_t reserved[3];
    char target[32];               /* zero-padded */
    uint8_t digest[DIGEST_BYTES];  /* BLAKE2b-256 of the 64 bytes above, then the payload */
    uint8_t signature[64];         /* EdDSA (Curve25519, BLAKE2b) of the 96 bytes above */
} application_t;

/* Why an application may not run; the host puts it into words (edgeprune/device/loaders/boot_info.py). */
typedef enum {
    APPLICATION_GOOD = 0,
    APPLICATION_NONE = 1,      /* no header */
    APPLICATION_LENGTH = 2,    /* longer than its slot, or of no length a header may name */
    APPLICATION_PLACE = 3,     /* linked to another address */
    APPLICATION_TARGET = 4,    /* for another board */
    APPLICATION_VECTORS = 5,   /* stack or start outside RAM or image */
    APPLICATION_DIGEST = 6,    /* not the bytes that were built */
    APPLICATION_SIGNATURE = 7, /* not signed by the key of this loader */
    APPLICATION_HEADER = 8,    /* bytes in its header that nothing vouches for */
    APPLICATION_VERSION = 9,   /* older than this loader runs */
} application_verdict_t;

/* May what lies at `address` (a slot) run? Reads all of it. */
application_verdict_t application_check(uint32_t address);

/* Leaves the loader for the application in the primary slot, which has been checked. */
_Noreturn void application_start(void);

/* signature.c, or unsigned.c where no public key is built in. */
extern const uint8_t boot_public_key[32]; /* zeros in a loader that requires no signature */
int signature_holds(const application_t *application);

#endif
