"""MLPerf Tiny's measurement protocol: its data sets, its windows, its result files."""
