"""Read ``.env``: lines of KEY=VALUE, for development.

Blank lines and lines that begin with # are skipped, and ``export`` before a name is allowed. A value in single or double quotes is
taken as it stands between them; without quotes it ends before " #". There are no escapes, no references, and no values of several lines.
"""

from __future__ import annotations

import pathlib
import re

from hub.errors import ConfigError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)\Z")


def read_dotenv(file: pathlib.Path) -> dict[str, str]:
    """The settings in the file; none where there is no file. A fault names the line, never its content."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise ConfigError("cannot be read as UTF-8 text.", code="CFG-FILE", where=file.name) from None
    settings: dict[str, str] = {}
    for number, row in enumerate(text.splitlines(), start=1):
        line = row.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise ConfigError(
                "not of the form KEY=VALUE.", code="CFG-DOTENV", where=f"{file.name}:{number}", fix="Write NAME=value."
            )
        settings[found[1]] = _value(found[2], f"{file.name}:{number}")
    return settings


def _value(text: str, where: str) -> str:
    if text[:1] in {'"', "'"}:
        quote = text[0]
        end = text.find(quote, 1)
        rest = text[end + 1 :].strip()
        if end < 0 or (rest and not rest.startswith("#")):
            raise ConfigError(
                "the quotes do not match.",
                code="CFG-DOTENV",
                where=where,
                fix="Close the quote at the end of the value.",
            )
        return text[1:end]
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
