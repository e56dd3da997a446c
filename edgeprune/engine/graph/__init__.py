"""Passes over an int8 graph that change no output byte."""
