"""The HTTP side: webhooks in, and the REST API."""
