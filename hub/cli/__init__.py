"""The `hub` command: one module a command group, each imported only when it is called."""
