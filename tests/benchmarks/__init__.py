"""Speed and memory, measured: `make bench` runs every bench_*.py here. Ratios come from one run; nothing here is a test."""
