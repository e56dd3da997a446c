"""Many fits that differ in a few choices: planned, run side by side, and kept in a table that survives a crash."""
