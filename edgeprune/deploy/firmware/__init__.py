"""Microcontrollers: generated C, one linked image, a board or its emulation."""
