"""Artifacts: the int8 `.tflite` of a module."""
