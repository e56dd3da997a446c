"""Thinning: what is coupled, what matters, how many stay, taking it out, recovering what is left."""
