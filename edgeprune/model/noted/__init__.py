"""What is noted on a module, so that its copies keep it."""
