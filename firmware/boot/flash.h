/* Program memory as the board's controller erases and writes it; addresses as on the bus. */
#ifndef FLASH_H
#define FLASH_H

#include <stdbool.h>
#include <stdint.h>

/* Whole sectors. False when the controller refused or the memory is not blank afterwards. */
bool flash_erase(uint32_t address, uint32_t size_bytes);

/* Multiples of BOOT_WRITE_BYTES onto blank memory; bytes already there as wanted are no fault. */
bool flash_program(uint32_t address, const void *bytes, uint32_t size_bytes);

#endif
