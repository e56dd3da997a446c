"""Options and subjects several commands share."""
