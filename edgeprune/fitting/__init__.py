"""The loop: choose widths, thin, train, judge, go round again; the run's folder and record."""
