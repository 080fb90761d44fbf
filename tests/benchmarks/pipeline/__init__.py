"""What `bench_pipeline` runs: a hub in real processes, and one driver that is both its shop and its ERP."""
