"""An integration hub between shops, marketplaces and ERPs."""

__version__ = "0.1.0"
