/*
 * What `picotool info` shows of an image: the model's name, the build, the target. The layout is Raspberry Pi's
 * (binary_info of the Pico SDK): a header between two markers, close behind the vector table, that leads to a list of
 * addresses of entries. Both lie in flash, so the table of what was copied elsewhere is empty.
 */
#ifndef RP2XXX_BINARY_INFO_H
#define RP2XXX_BINARY_INFO_H

#include <stdint.h>

#include "ep_model.h"

#define INFO_TAG_RP 0x5052u /* "RP", low byte first */
#define INFO_ID_AND_STRING 6u
#define INFO_PROGRAM_NAME 0x02031C86u
#define INFO_PROGRAM_VERSION 0x11A9BC3Au
#define INFO_PROGRAM_DESCRIPTION 0xB6A07C19u
#define INFO_PICO_BOARD 0xB63CFFBBu

extern const char ep_build_id[]; /* written by the build */

typedef struct {
    uint16_t type, tag;
    uint32_t id;
    const char *value;
} info_t;

#define INFO(id, value) {INFO_ID_AND_STRING, INFO_TAG_RP, id, value}
static const info_t infos[] = {
    INFO(INFO_PROGRAM_NAME, ep_model_id),
    INFO(INFO_PROGRAM_VERSION, ep_build_id),
    INFO(INFO_PROGRAM_DESCRIPTION, "EdgePrune"),
    INFO(INFO_PICO_BOARD, ep_model_target),
};

static const info_t *const info_list[] = {&infos[0], &infos[1], &infos[2], &infos[3]};
static const uint32_t copied[3] = {0};

__attribute__((section(".image_def"), used)) static const struct {
    uint32_t first_marker;
    const info_t *const *begin, *const *end;
    const uint32_t *copied;
    uint32_t last_marker;
} info_header = {0x7188EBF2u, info_list, info_list + 4, copied, 0xE71AA390u};

#endif
