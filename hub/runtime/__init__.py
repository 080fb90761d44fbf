"""The running hub: wake bus, workers, relay, scheduler, connections with their limits and breakers."""
