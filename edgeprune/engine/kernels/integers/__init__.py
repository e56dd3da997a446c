"""Operators on int32 and int64 as they are: positions, counts and shapes that are computed while the model runs."""
