"""What the hub says of itself: traces, metrics, logs, and the redaction of secrets."""
