"""What criteria read, and scores of all channels under one of them."""
