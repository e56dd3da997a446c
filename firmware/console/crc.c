#include "console.h"

uint32_t con_crc(uint32_t state, uint8_t byte)
{
    state ^= byte;
    for (int bit = 0; bit < 8; bit++) {
        state = state >> 1 ^ (0xEDB88320u & (0u - (state & 1u)));
    }
    return state;
}
