"""The connectors that come with the hub, one folder a system, the same file names in every one of them."""
