"""A runner of the user's own on a device: LiteRT's `benchmark_model`, ExecuTorch's `executor_runner`."""
