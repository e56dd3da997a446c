"""Operators that multiply by weights: convolutions, dense layers, recurrent layers."""
