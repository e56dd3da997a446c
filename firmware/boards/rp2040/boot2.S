/*
 * What the RP2040's ROM loads from the first 256 bytes of flash into RAM and starts, when their CRC-32 holds (data sheet,
 * section 2.8.1): it sets up execution in place (section 4.10, SSI; section 2.19.6.3, PADS_QSPI) and starts the image
 * behind itself.
 *
 * Quad reads without a command (Winbond W25Q16JV data sheet, "Fast Read Quad I/O (EBh)", continuous mode): 8 clocks of
 * address and mode, 4 of dummies, 8 of data, each two of the core's: 40 cycles a word, where 03h on one line took 256.
 * They need the flash's quad enable bit, which is set for as long as it has power (50h, then 31h) where it is not. Then
 * all 64 words here are read and compared with this copy; where one differs, the plain reads of any flash chip remain:
 * 03h, one bit at a time, a quarter of the core's clock.
 *
 * boot2.c holds this assembled and padded, with its CRC; tests/firmware/test_boot2.py assembles it anew and compares, and
 * tests/ports/test_boot2.py runs it.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .text

    .equ SSI_CTRLR0, 0x00
    .equ SSI_CTRLR1, 0x04
    .equ SSI_SSIENR, 0x08
    .equ SSI_BAUDR, 0x14
    .equ SSI_SR, 0x28
    .equ SSI_DR0, 0x60
    .equ SSI_RX_SAMPLE_DLY, 0xf0    /* from the SSI; SPI_CTRLR0 is the next word */

    ldr r3, pads
    movs r1, #0x21                  /* SCLK: 8 mA, fast slew rate */
    str r1, [r3, #0x4]
    ldr r0, ssi
    movs r7, #0                     /* r7 = 0, r6 = 1 */
    movs r6, #1
    movs r5, #SSI_RX_SAMPLE_DLY
    str r7, [r0, #SSI_SSIENR]       /* off while it is set up */
    movs r1, #2
    str r1, [r0, #SSI_BAUDR]
    str r6, [r0, r5]                /* data are sampled a cycle later */
    ldr r1, bytes
    str r1, [r0, #SSI_CTRLR0]
    str r6, [r0, #SSI_SSIENR]

    movs r1, #0x35                  /* read status register 2 */
    bl exchange_two
    lsls r2, r2, #30                /* QE, bit 1, becomes the sign */
    bmi quad
    movs r1, #0x50                  /* the next write of a status register is volatile */
    str r1, [r0, #SSI_DR0]
    bl wait
    ldr r1, [r0, #SSI_DR0]
    movs r1, #0x31                  /* write status register 2 */
    movs r2, #2
    bl exchange_two

quad:
    str r7, [r0, #SSI_SSIENR]
    ldr r1, quad_words
    str r1, [r0, #SSI_CTRLR0]
    str r7, [r0, #SSI_CTRLR1]       /* one word a read */
    adds r5, #4
    ldr r1, with_command
    str r1, [r0, r5]
    str r6, [r0, #SSI_SSIENR]
    movs r1, #0xeb
    movs r2, #0xa0                  /* address 0, and the mode that leaves out the command from now on */
    bl exchange_two
    str r7, [r0, #SSI_SSIENR]
    ldr r1, continuous
    str r1, [r0, r5]
    str r6, [r0, #SSI_SSIENR]

    ldr r3, uncached
    ldr r2, copy
compare:
    ldr r1, [r3, r7]
    ldr r4, [r2, r7]
    cmp r1, r4
    bne plain
    adds r7, #4
    lsrs r1, r7, #8
    beq compare

start:
    ldr r0, image
    ldr r1, vtor
    str r0, [r1]
    ldr r1, [r0, #0]
    msr msp, r1
    ldr r1, [r0, #4]
    bx r1

plain:
    movs r7, #0
    str r7, [r0, #SSI_SSIENR]
    ldr r1, bytes
    str r1, [r0, #SSI_CTRLR0]
    str r6, [r0, #SSI_SSIENR]
    movs r1, #0xff                  /* ends the flash's continuous mode */
    movs r2, #0xff
    bl exchange_two
    str r7, [r0, #SSI_SSIENR]
    movs r1, #4
    str r1, [r0, #SSI_BAUDR]
    ldr r1, plain_words
    str r1, [r0, #SSI_CTRLR0]
    ldr r1, plain_reads
    str r1, [r0, r5]
    str r6, [r0, #SSI_SSIENR]
    b start

/* Sends r1, then r2, in one command; r2 is what came in meanwhile, last. */
exchange_two:
    mov r8, lr
    str r1, [r0, #SSI_DR0]
    str r2, [r0, #SSI_DR0]
    bl wait
    ldr r2, [r0, #SSI_DR0]
    ldr r2, [r0, #SSI_DR0]
    bx r8

/* Until the transmit FIFO is empty (TFE, bit 2) and the last bit is out (BUSY, bit 0, clear). */
wait:
    ldr r3, [r0, #SSI_SR]
    movs r4, #5
    ands r3, r4
    cmp r3, #4
    bne wait
    bx lr

    .align 2
pads:         .word 0x40020000
ssi:          .word 0x18000000
bytes:        .word 0x00070000 /* 8-bit frames, both ways, one line */
quad_words:   .word 0x005f0300 /* 32-bit words, EEPROM reads, four lines */
with_command: .word 0x00002221 /* a command of 8 bits on one line, 32 address and mode bits on four, 4 dummies */
continuous:   .word 0xa0002022 /* no command, mode A0h behind the address, all on four lines */
plain_words:  .word 0x001f0300 /* 32-bit words, EEPROM reads, one line */
plain_reads:  .word 0x03000218 /* command 03h of 8 bits, 24 address bits, all on one line */
uncached:     .word 0x13000000
copy:         .word 0x20041f00
image:        .word 0x10000100
vtor:         .word 0xe000ed08
