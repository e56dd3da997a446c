"""Operators that fold many elements into one: pools, means, maxima, softmax."""
