"""Operators on float32: what is left in float between int8 layers or at a model's ends, where it is no table."""
