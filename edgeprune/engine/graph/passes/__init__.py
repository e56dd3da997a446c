"""Rewrites of a graph that change no byte of its outputs, one file each: `run(graph) -> Graph`, the same object when
there is nothing to do. They work on shapes alone, so predicted graphs pass through them as exported ones do."""
