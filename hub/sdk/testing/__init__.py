"""What proves a connector: simulators of vendors' systems, and the conformance kit."""
