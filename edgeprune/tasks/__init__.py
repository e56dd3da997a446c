"""What each command does, as functions for Python too."""
