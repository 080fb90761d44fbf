"""Every limit of the mapping language in one place: what a file may be, and what one run may cost."""

from __future__ import annotations

from typing import Final

FILE_BYTES: Final = 1_048_576
"""The longest mapping file."""
FILE_DEPTH: Final = 32
"""How deep objects and lists of a file may be nested."""
FILE_NODES: Final = 20_000
"""How many values a mapping may have, its fragments included."""
EXPRESSION_CHARACTERS: Final = 4_000
"""The longest text with expressions."""
EXPRESSION_DEPTH: Final = 40
"""How deep an expression may be nested."""
INCLUDE_DEPTH: Final = 8
"""How deep fragments may include fragments."""
TEXT: Final = 1_000_000
"""The longest text, in characters, that a mapping may make out of others."""
WORK: Final = 16_000_000
"""What one run may cost: about one for every step of an expression and for every byte that is made or repeated."""
DIGITS: Final = 38
"""The most digits of a number that is calculated; canonical numbers have the same limit."""
ERRORS: Final = 20
"""How many failing fields of one record are listed."""
