"""The kinds of records that the Odoo connector reads and writes, one module a stream."""
