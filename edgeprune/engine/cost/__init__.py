"""Cost of a compiled graph: flash, arena, instructions."""
