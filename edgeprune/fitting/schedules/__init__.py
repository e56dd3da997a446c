"""Ways from a trained network to a thinned one, one file each."""
