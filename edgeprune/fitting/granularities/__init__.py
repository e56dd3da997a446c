"""What a fit removes, one file each."""
