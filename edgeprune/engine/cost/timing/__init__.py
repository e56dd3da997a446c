"""Cycles and microseconds of an inference, from the instructions its image executes."""
