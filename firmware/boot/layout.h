/*
 * Where everything lies, from the target's [boot] table (edgeprune/hardware/boot.py), which the build turns into macros:
 *
 *   BOOT_TARGET            the target's name
 *   BOOT_HEADER_BYTES      an application's header; its vector table follows, aligned to this
 *   BOOT_SLOT_ORIGIN, _BYTES   the slot applications run from
 *   BOOT_STAGING_ORIGIN    the slot new ones are written to, of the same size (two slots)
 *   BOOT_SCRATCH_ORIGIN    one block (two slots)
 *   BOOT_BLOCK_BYTES       unit of erasing and swapping; one or more flash sectors
 *   BOOT_JOURNAL_ORIGIN, BOOT_JOURNAL_SECTOR_BYTES   two sectors (two slots)
 *   BOOT_WRITE_BYTES       smallest unit the flash programs
 *   BOOT_RAM_ORIGIN, _BYTES    RAM an application may put its stack into
 *   BOOT_HANDOVER          16 bytes of RAM that survive a reset and are reserved
 *   BOOT_ORDERS_VERSIONS   1: no image runs that is older than the newest one kept, nor than BOOT_MINIMUM_VERSION
 *   BOOT_WATCHDOG_MS       how long an image on trial may go without feeding the watchdog; 0 where the board has none
 *   BOOT_WINDOW_MS         how long a loader that could start an application waits for a host first
 *   BOOT_FRAME_MS          idle time after which half a command is dropped
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define BOOT_BLOCKS (BOOT_SLOT_BYTES / BOOT_BLOCK_BYTES)

_Static_assert(BOOT_SLOT_BYTES % BOOT_BLOCK_BYTES == 0, "a slot is whole blocks");
_Static_assert(BOOT_BLOCKS <= 256, "a page list fits the command buffer");
_Static_assert(BOOT_HEADER_BYTES >= 256 && (BOOT_HEADER_BYTES & (BOOT_HEADER_BYTES - 1)) == 0, "vector table alignment");
_Static_assert(32 % BOOT_WRITE_BYTES == 0, "a journal record is whole write units");

#endif
