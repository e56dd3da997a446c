/*
 * EP_OFFSET(type, field, bytes)  a field's place, held to the number that assembler uses for it: else nothing compiles.
 */
#ifndef EP_OFFSET_H
#define EP_OFFSET_H

#include <stddef.h>

#define EP_OFFSET(type, field, bytes) \
    _Static_assert(offsetof(type, field) == (bytes), "the assembler has another place for " #field)

#endif
