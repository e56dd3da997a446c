"""EdgePrune: a trained PyTorch model, thinned and quantized until it fits a microcontroller, proved on the board."""

__version__ = "0.1.0"
