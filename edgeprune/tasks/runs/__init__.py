"""The registry of runs: what lies in a folder of runs, told apart, tagged, and removed where nothing needs it."""
