"""Canonical events: every change of a record, told to a company's own programs as a CloudEvents 1.0 message.

They are rows of the store, written with the change. A relay publishes them to a topic exchange; the REST API reads the same rows.
"""
