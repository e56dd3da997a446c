/*
 * What the RP2040's ROM loads from the first 256 bytes of flash, when their CRC-32 holds (data sheet, section 2.8.1): it
 * sets up execution in place (section 4.10, SSI) with the plainest read of all flash chips, 03h one bit at a
 * time, a quarter of the core's clock; the cache does the rest. Then it starts the image behind itself. Runs in RAM.
 *
 * boot2.c holds this assembled and padded, with its CRC; tests/firmware/test_boot2.py assembles it anew and compares.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .text

    ldr r0, ssi
    movs r1, #0
    str r1, [r0, #0x08]     /* SSIENR: off while it is set up */
    movs r1, #4
    str r1, [r0, #0x14]     /* BAUDR */
    ldr r1, ctrlr0
    str r1, [r0, #0x00]
    movs r1, #0
    str r1, [r0, #0x04]     /* CTRLR1: one word a read */
    ldr r1, spi_ctrlr0
    ldr r2, spi_ctrlr0_at
    str r1, [r2]
    movs r1, #1
    str r1, [r0, #0x08]

    ldr r0, image
    ldr r1, vtor
    str r0, [r1]
    ldr r1, [r0, #0]
    msr msp, r1
    ldr r1, [r0, #4]
    bx r1

    .align 2
ssi:           .word 0x18000000
ctrlr0:        .word 0x001f0300 /* 32-bit words, EEPROM reads, one line */
spi_ctrlr0_at: .word 0x180000f4
spi_ctrlr0:    .word 0x03000218 /* command 03h of 8 bits, 24 address bits, all on one line */
image:         .word 0x10000100
vtor:          .word 0xe000ed08
