"""The commands of `hub map`, one module a command or a few that belong together."""
