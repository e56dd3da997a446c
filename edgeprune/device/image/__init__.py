"""Files that hold program memory (ELF, Intel HEX, UF2, plain binary) and the header our bootloader requires."""
