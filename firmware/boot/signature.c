/* EdDSA by monocypher, against the public key the build wrote into key.c. */
#include "application.h"
#include "monocypher.h"

#define SIGNED_BYTES 96u

int signature_holds(const application_t *application)
{
    return crypto_eddsa_check(application->signature, boot_public_key, (const uint8_t *)application, SIGNED_BYTES) == 0;
}
