/*
 * Where an assembler kernel has put its caller's registers, so that a debugger walks through it: .cfi directives where
 * the compiler writes its own (with -g), nothing elsewhere. Each stands behind the instruction it is about.
 *
 *   EP_FRAME_DOWN(n), EP_FRAME_UP(n)   the stack pointer has moved by n bytes
 *   EP_FRAME_AT(r, n)                  the caller's r lies n bytes above the stack pointer
 *   EP_FRAME_R4_R11_LR                 r4 to r11 and lr have been pushed
 *   EP_FRAME_KEEP, EP_FRAME_BACK       around what is pushed and popped inside a function of the compiler's
 *   EP_FRAME_LAST                      statement in a function that never returns: clang saves no way back from there
 */
#ifndef EP_FRAME_H
#define EP_FRAME_H

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define EP_FRAME_(text) text "\n"
#else
#define EP_FRAME_(text) ""
#endif

#define EP_FRAME_DOWN(n) EP_FRAME_(".cfi_adjust_cfa_offset " #n)
#define EP_FRAME_UP(n) EP_FRAME_(".cfi_adjust_cfa_offset -" #n)
#define EP_FRAME_AT(r, n) EP_FRAME_(".cfi_rel_offset " #r ", " #n)
#define EP_FRAME_KEEP EP_FRAME_(".cfi_remember_state")
#define EP_FRAME_BACK EP_FRAME_(".cfi_restore_state")

/* r4 to r11, the first of them n bytes above the stack pointer. */
#define EP_FRAME_R4_R11_(n)                                                                                            \
    EP_FRAME_(".cfi_rel_offset r4, " #n "; .cfi_rel_offset r5, 4 + " #n "; .cfi_rel_offset r6, 8 + " #n                \
              "; .cfi_rel_offset r7, 12 + " #n "; .cfi_rel_offset r8, 16 + " #n "; .cfi_rel_offset r9, 20 + " #n       \
              "; .cfi_rel_offset r10, 24 + " #n "; .cfi_rel_offset r11, 28 + " #n)

#ifdef __clang__
#define EP_FRAME_LAST __asm volatile(EP_FRAME_(".cfi_undefined lr"))
#else
#define EP_FRAME_LAST (void)0
#endif

#define EP_FRAME_R4_R11_LR EP_FRAME_DOWN(36) EP_FRAME_R4_R11_(0) EP_FRAME_AT(lr, 32)
#define EP_FRAME_R3_R11_LR EP_FRAME_DOWN(40) EP_FRAME_R4_R11_(4) EP_FRAME_AT(lr, 36)
#define EP_FRAME_R4_R12_LR EP_FRAME_DOWN(40) EP_FRAME_R4_R11_(0) EP_FRAME_AT(lr, 36)
#define EP_FRAME_R0_R2_R12_LR EP_FRAME_DOWN(52) EP_FRAME_R4_R11_(12) EP_FRAME_AT(lr, 48)

#endif
