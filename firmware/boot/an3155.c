#include "an3155.h"

#include "board.h"
#include "flash.h"
#include "handover.h"
#include "info.h"
#include "layout.h"
#include "line.h"
#include "slots.h"
#include "watchdog.h"

enum { ACK = 0x79, NACK = 0x1F, CALL = 0x7F };
enum { GET = 0x00, GET_VERSION = 0x01, GET_ID = 0x02, READ = 0x11, GO = 0x21, WRITE = 0x31, EXTENDED_ERASE = 0x44 };

#define PROTOCOL_VERSION 0x31u
#define PRODUCT_ID 0xEDB0u /* none of ST's */
#define MASS_ERASE 0xFFFFu
#define DATA_BYTES 256u
#define DESERTED_MS 60000u

static union {
    uint8_t bytes[2 * BOOT_BLOCKS > DATA_BYTES ? 2 * BOOT_BLOCKS : DATA_BYTES];
    boot_info_t info;
    uint32_t aligned;
} buffer;

/* Half-sent rests of a command are dropped first, or they would be taken for the next one. */
static void refuse(void)
{
    line_wait_silence();
    line_put(NACK);
}

static void answer(bool good)
{
    if (good) {
        line_put(ACK);
    } else {
        refuse();
    }
}

/* `count` bytes into `bytes`; their XOR goes into `*sum`. */
static bool receive(uint8_t *bytes, uint32_t count, uint8_t *sum)
{
    for (uint32_t i = 0; i < count; i++) {
        int byte = line_get(BOOT_FRAME_MS);
        if (byte == LINE_SILENT) {
            return false;
        }
        bytes[i] = (uint8_t)byte;
        *sum ^= (uint8_t)byte;
    }
    return true;
}

static bool receive_address(uint32_t *address)
{
    uint8_t bytes[5];
    uint8_t sum = 0;
    bool good = receive(bytes, sizeof bytes, &sum) && sum == 0;
    *address = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return good;
}

/* Does [address, address + count) lie in the window applications are written to? */
static bool is_inside(uint32_t address, uint32_t count)
{
    uint32_t offset = address - BOOT_SLOT_ORIGIN;
    return address >= BOOT_SLOT_ORIGIN && offset < BOOT_SLOT_BYTES && count <= BOOT_SLOT_BYTES - offset;
}

static void put_all(const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        line_put(bytes[i]);
    }
}

static void get(void)
{
    static const uint8_t reply[] = {ACK,    7,  PROTOCOL_VERSION, GET,            GET_VERSION, GET_ID,
                                    READ, GO, WRITE,            EXTENDED_ERASE, ACK};
    put_all(reply, sizeof reply);
}

static void get_version(void)
{
    static const uint8_t reply[] = {ACK, PROTOCOL_VERSION, 0, 0, ACK};
    put_all(reply, sizeof reply);
}

static void get_id(void)
{
    static const uint8_t reply[] = {ACK, 1, PRODUCT_ID >> 8, PRODUCT_ID & 0xFFu, ACK};
    put_all(reply, sizeof reply);
}

static void read_memory(void)
{
    uint32_t address;
    line_put(ACK);
    if (!receive_address(&address) || (address != BOOT_INFO_ADDRESS && !is_inside(address, 1))) {
        refuse();
        return;
    }
    line_put(ACK);
    uint8_t length[2];
    uint8_t sum = 0;
    bool good = receive(length, sizeof length, &sum) && sum == 0xFF;
    uint32_t count = length[0] + 1u;
    if (address == BOOT_INFO_ADDRESS) {
        good = good && count <= sizeof buffer.info;
    } else {
        good = good && is_inside(address, count);
    }
    if (!good) {
        refuse();
        return;
    }
    const uint8_t *from = (const uint8_t *)(uintptr_t)(address - BOOT_SLOT_ORIGIN + slots_readable());
    if (address == BOOT_INFO_ADDRESS) {
        info_read(&buffer.info);
        from = buffer.bytes;
    }
    line_put(ACK);
    put_all(from, count);
}

static void write_memory(void)
{
    uint32_t address;
    line_put(ACK);
    if (!receive_address(&address) || !is_inside(address, 1)) {
        refuse();
        return;
    }
    line_put(ACK);
    uint8_t length;
    uint8_t sum = 0;
    uint8_t check;
    if (!receive(&length, 1, &sum) || !receive(buffer.bytes, length + 1u, &sum) || !receive(&check, 1, &sum) ||
        sum != 0) {
        refuse();
        return;
    }
    uint32_t count = length + 1u;
    bool aligned = (address % BOOT_WRITE_BYTES) == 0 && (count % BOOT_WRITE_BYTES) == 0;
    answer(aligned && is_inside(address, count) && slots_begin() &&
           flash_program(address - BOOT_SLOT_ORIGIN + slots_written(), buffer.bytes, count));
}

static bool erase_page(uint32_t page)
{
    board_watchdog_feed();
    return flash_erase(slots_written() + page * BOOT_BLOCK_BYTES, BOOT_BLOCK_BYTES);
}

static bool erase_all(void)
{
    for (uint32_t page = 0; page < BOOT_BLOCKS; page++) {
        if (!erase_page(page)) {
            return false;
        }
    }
    return true;
}

static bool erase_listed(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (((uint32_t)buffer.bytes[2 * i] << 8 | buffer.bytes[2 * i + 1]) >= BOOT_BLOCKS) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!erase_page((uint32_t)buffer.bytes[2 * i] << 8 | buffer.bytes[2 * i + 1])) {
            return false;
        }
    }
    return true;
}

static void extended_erase(void)
{
    line_put(ACK);
    uint8_t head[2];
    uint8_t sum = 0;
    uint8_t check;
    if (!receive(head, sizeof head, &sum)) {
        refuse();
        return;
    }
    uint32_t code = (uint32_t)head[0] << 8 | head[1];
    uint32_t count = code == MASS_ERASE ? 0 : code + 1;
    if (count > BOOT_BLOCKS || !receive(buffer.bytes, 2 * count, &sum) || !receive(&check, 1, &sum) || sum != 0) {
        refuse();
        return;
    }
    answer(slots_begin() && (count == 0 ? erase_all() : erase_listed(count)));
}

static void go(void)
{
    uint32_t address;
    line_put(ACK);
    if (!receive_address(&address) || !is_inside(address, 1) || slots_verdict() != APPLICATION_GOOD) {
        refuse();
        return;
    }
    line_put(ACK);
    board_drain();
    handover_reset(HANDOVER_START);
}

static void obey(uint8_t command)
{
    switch (command) {
    case GET:
        get();
        break;
    case GET_VERSION:
        get_version();
        break;
    case GET_ID:
        get_id();
        break;
    case READ:
        read_memory();
        break;
    case WRITE:
        write_memory();
        break;
    case EXTENDED_ERASE:
        extended_erase();
        break;
    case GO:
        go();
        break;
    default:
        refuse();
    }
}

bool an3155_called(uint32_t timeout_ms)
{
    uint64_t deadline = line_deadline(timeout_ms);
    uint64_t patience = line_deadline(2 * timeout_ms); /* the call may wait behind other bytes; noise never ends */
    int byte;
    do {
        byte = line_get_until(deadline);
    } while (byte != LINE_SILENT && byte != CALL && !line_is_late(patience));
    if (byte == CALL) {
        line_put(ACK);
    }
    return byte == CALL;
}

_Noreturn void an3155_run(void)
{
    uint64_t deadline = line_deadline(DESERTED_MS);
    bool is_deserted = false; /* noise alone has come for that long */
    for (;;) {
        int command = line_get_until(deadline);
        if (command == LINE_SILENT || is_deserted) {
            handover_reset(HANDOVER_NONE);
        }
        if (command == CALL) {
            line_put(ACK);
        } else if (line_get(BOOT_FRAME_MS) == (command ^ 0xFF)) {
            obey((uint8_t)command);
        } else {
            refuse();
            is_deserted = line_is_late(deadline);
            continue; /* noise is nobody */
        }
        deadline = line_deadline(DESERTED_MS);
    }
}
