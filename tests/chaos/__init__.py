"""The chaos ring: real processes, a real database and broker of its own, faulty targets; everything is killed, nothing may be lost."""
