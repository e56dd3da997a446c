"""ExecuTorch programs: lowered by ExecuTorch in a process of its own, read and judged by us."""
