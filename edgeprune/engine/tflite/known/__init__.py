"""What is known when a file is read: constants worked out, sizes it leaves open."""
