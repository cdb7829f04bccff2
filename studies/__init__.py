"""Questions asked of the simulator: the command line, comparisons, reports, benchmarks."""
