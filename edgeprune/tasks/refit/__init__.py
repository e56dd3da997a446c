"""A run gone through again on new weights or data, and whether what comes of it is to ship."""
