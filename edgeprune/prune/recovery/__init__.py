"""What remains is solved anew by least squares; nothing is trained."""
