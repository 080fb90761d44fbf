"""Tools around mappings: test cases, lint, try, explain, coverage, round trips, comparisons, documents, benchmarks."""
