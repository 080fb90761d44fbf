"""How the command line shows things: tables and blocks for people, JSON for programs."""
