"""Filters for text."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from hub.mapping.filters.base import MAX_TEXT, bounded, exact, filter_, masked, need_count, need_list, need_text, wrong

_GROUP = "text"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@filter_(
    "trim",
    _GROUP,
    ("src.a | trim", {"a": "  Blue shirt \n"}, "Blue shirt"),
    refused=(("src.a | trim", {"a": None}, "MAP-TYPE"),),
)
def trim(value: Any) -> str:
    """Removes white space at both ends."""
    return need_text(value, "trim").strip()


@filter_("upper", _GROUP, ("src.a | upper", {"a": "eur"}, "EUR"))
def upper(value: Any) -> str:
    """Turns text into capitals."""
    return bounded(need_text(value, "upper").upper(), "upper")


@filter_("lower", _GROUP, ("src.a | lower", {"a": "Anna@Example.COM"}, "anna@example.com"))
def lower(value: Any) -> str:
    """Turns text into small letters."""
    return bounded(need_text(value, "lower").lower(), "lower")


@filter_("title", _GROUP, ("src.a | title", {"a": "they're HERE"}, "They're Here"))
def title(value: Any) -> str:
    """Gives every word a capital first letter and small letters after it."""
    text = need_text(value, "title")
    return bounded(_WORD.sub(lambda word: word[0][:1].upper() + word[0][1:].lower(), text), "title")


@filter_("capitalize", _GROUP, ("src.a | capitalize", {"a": "blue SHIRT"}, "Blue shirt"))
def capitalize(value: Any) -> str:
    """Gives the first letter a capital and makes the rest small."""
    return bounded(need_text(value, "capitalize").capitalize(), "capitalize")


def _as_text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(exact(value, name))) if abs(value) < 10**38 else bounded(_long(value, name), name)
    if isinstance(value, Decimal):
        return format(exact(value, name), "f")
    fix = (
        "Say what null becomes first: `| if_null('...')`, or use $optional."
        if value is None
        else "Use `| json` for lists and objects."
    )
    raise wrong(f"`{name}` makes text of text, numbers and booleans, but got {masked(value)}.", fix)


def _long(value: int, name: str) -> str:
    if value.bit_length() > 4000:
        raise wrong(f"`{name}` got a whole number of more than 1,200 digits.", code="MAP-LIMIT")
    return str(value)


@filter_(
    "string",
    _GROUP,
    ("src.id | string", {"id": 820982911946154508}, "820982911946154508"),
    ("src.rate | string", {"rate": Decimal("0.190")}, "0.190"),
    refused=(("src.a | string", {"a": None}, "MAP-TYPE"),),
)
def string(value: Any) -> str:
    """Turns a number or a boolean into text, digit by digit. Ids are kept as text this way."""
    return _as_text(value, "string")


@filter_("text", _GROUP, ("src.id | text", {"id": 42}, "42"))
def text(value: Any) -> str:
    """Another name of `string`."""
    return _as_text(value, "text")


@filter_(
    "replace",
    _GROUP,
    ("src.name | replace('#', '')", {"name": "#1001"}, "1001"),
    ("src.a | replace('-', '', 1)", {"a": "A-1-2"}, "A1-2"),
)
def replace(value: Any, old: Any, new: Any, count: Any = None) -> str:
    """Replaces every `old` by `new`, or only the first `count` of them."""
    body, old, new = need_text(value, "replace"), need_text(old, "replace"), need_text(new, "replace")
    if not old:
        raise wrong("`replace` needs a text to look for, but got an empty one.")
    times = -1 if count is None else need_count(count, "replace")
    if len(new) > len(old):
        found = body.count(old) if times < 0 else min(times, body.count(old))
        if len(body) + found * (len(new) - len(old)) > MAX_TEXT:
            raise wrong(f"`replace` would make a text of more than {MAX_TEXT:,} characters.", code="MAP-LIMIT")
    return body.replace(old, new, times)


@filter_(
    "remove_prefix",
    _GROUP,
    ("src.a | remove_prefix('SKU-')", {"a": "SKU-77"}, "77"),
    ("src.a | remove_prefix('SKU-')", {"a": "77"}, "77"),
)
def remove_prefix(value: Any, prefix: Any) -> str:
    """Removes `prefix` where the text begins with it."""
    return need_text(value, "remove_prefix").removeprefix(need_text(prefix, "remove_prefix"))


@filter_("remove_suffix", _GROUP, ("src.a | remove_suffix(' GmbH')", {"a": "Meyer GmbH"}, "Meyer"))
def remove_suffix(value: Any, suffix: Any) -> str:
    """Removes `suffix` where the text ends with it."""
    return need_text(value, "remove_suffix").removesuffix(need_text(suffix, "remove_suffix"))


@filter_("pad", _GROUP, ("src.a | pad(5)", {"a": "42"}, "00042"), ("src.a | pad(5, ' ')", {"a": "42"}, "   42"))
def pad(value: Any, width: Any, fill: Any = "0") -> str:
    """Fills text up on the left to `width` characters, with zeros or with `fill`."""
    if not isinstance(fill, str) or len(fill) != 1:
        raise wrong("`pad` needs one character to fill with.")
    return need_text(value, "pad").rjust(need_count(width, "pad", 0, 255), fill)


@filter_(
    "truncate",
    _GROUP,
    ("src.a | truncate(10)", {"a": "Blue shirt, size L"}, "Blue shirt"),
    ("src.a | truncate(8, '…')", {"a": "Blue shirt"}, "Blue sh…"),
)
def truncate(value: Any, length: Any, end: Any = "") -> str:
    """Cuts text to at most `length` characters, `end` included; a combined character or emoji is never cut in two."""
    body = need_text(value, "truncate")
    limit, ending = need_count(length, "truncate"), need_text(end, "truncate")
    if len(body) <= limit:
        return body
    cut = limit - len(ending)
    if cut < 0:
        raise wrong("`truncate` has an ending that is longer than the whole.")
    while cut > 0 and (_joins(body[cut]) or body[cut - 1] == "\u200d"):
        cut -= 1
    return body[:cut] + ending


def _joins(char: str) -> bool:
    """Does this character belong to the one before it: an accent, a variation selector, a skin tone, a joiner?"""
    return char == "\u200d" or "\U0001f3fb" <= char <= "\U0001f3ff" or unicodedata.category(char) in {"Mn", "Me", "Mc"}


@filter_(
    "split",
    _GROUP,
    ("src.tags | split(',')", {"tags": "new, sale ,  , red"}, ["new", "sale", "red"]),
    ("src.tags | split(',')", {"tags": ""}, []),
    ("src.a | split('/', keep_empty=true)", {"a": "a//b"}, ["a", "", "b"]),
)
def split(value: Any, separator: Any = ",", keep_empty: Any = False) -> list[str]:
    """Cuts text into a list at every separator. Space around the pieces is removed, and empty pieces are left out."""
    body, separator = need_text(value, "split"), need_text(separator, "split")
    if not separator:
        raise wrong("`split` needs a separator, but got an empty text.")
    pieces = [piece.strip() for piece in body.split(separator)]
    return pieces if keep_empty else [piece for piece in pieces if piece]


@filter_(
    "join",
    _GROUP,
    ("src.tags | join(', ')", {"tags": ["new", "sale"]}, "new, sale"),
    ("[src.first, src.last] | join(' ', skip_empty=true)", {"first": "Anna", "last": None}, "Anna"),
    refused=(("[src.first, src.last] | join(' ')", {"first": "Anna", "last": None}, "MAP-TYPE"),),
)
def join(value: Any, separator: Any = "", skip_empty: Any = False) -> str:
    """Joins a list to one text. With `skip_empty`, null and empty text are left out."""
    items = need_list(value, "join")
    glue = need_text(separator, "join")
    if skip_empty:
        items = [item for item in items if item is not None and item != ""]
    pieces = [_as_text(item, "join") for item in items]
    if sum(map(len, pieces)) + len(glue) * len(pieces) > MAX_TEXT:
        raise wrong(f"`join` would make a text of more than {MAX_TEXT:,} characters.", code="MAP-LIMIT")
    return glue.join(pieces)


_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"})


@filter_("slug", _GROUP, ("src.a | slug", {"a": "Größe: L / Blau!"}, "grosse-l-blau"))
def slug(value: Any) -> str:
    """Makes a short name for addresses of web pages: small ASCII letters, digits and hyphens."""
    plain = need_text(value, "slug").lower().translate(_LATIN)
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain))


@filter_("digits", _GROUP, ("src.a | digits", {"a": "DE 123 456-789"}, "123456789"))
def digits(value: Any) -> str:
    """Keeps the digits 0-9 and drops everything else."""
    return re.sub(r"[^0-9]", "", need_text(value, "digits"))


class _Text(HTMLParser):
    BLOCKS = frozenset(
        [
            "address",
            "article",
            "br",
            "dd",
            "div",
            "dl",
            "dt",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "section",
            "table",
            "td",
            "th",
            "tr",
            "ul",
        ]
    )
    SILENT = frozenset({"script", "style", "template", "head"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        if tag in self.SILENT:
            self.silent += 1
        elif tag in self.BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in self.BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.pieces.append(data)


@filter_(
    "strip_html",
    _GROUP,
    (
        "src.a | strip_html",
        {"a": "<p>Soft &amp; warm</p><ul><li>cotton<script>x()</script></ul>"},
        "Soft & warm\ncotton",
    ),
)
def strip_html(value: Any) -> str:
    """Turns HTML into plain text: tags removed, entities resolved, blocks on lines of their own, scripts dropped."""
    reader = _Text()
    reader.feed(need_text(value, "strip_html"))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


@filter_(
    "address_lines",
    _GROUP,
    ("[src.address1, src.address2] | address_lines", {"address1": "Hauptstr. 1", "address2": None}, ["Hauptstr. 1"]),
    ("src.street | address_lines", {"street": "Hauptstr. 1\n2nd floor"}, ["Hauptstr. 1", "2nd floor"]),
    (
        "src.street | address_lines(2, 12)",
        {"street": "Building 7, Long Industrial Road"},
        ["Building 7,", "Long Industrial Road"],
    ),
)
def address_lines(value: Any, most: Any = None, width: Any = None) -> list[str]:
    """Makes a clean list of street lines from text or from a list: no empty lines, no null.

    `width` wraps lines at words, and `most` puts everything that is left on the last line.
    """
    parts = value if isinstance(value, list) else [value]
    lines = [
        line.strip() for part in parts if part is not None for line in need_text(part, "address_lines").splitlines()
    ]
    lines = [line for line in lines if line]
    if width is not None:
        import textwrap

        room = need_count(width, "address_lines", 1)
        lines = [
            piece
            for line in lines
            for piece in textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False)
        ]
    if most is not None:
        limit = need_count(most, "address_lines", 1)
        if len(lines) > limit:
            lines = [*lines[: limit - 1], " ".join(lines[limit - 1 :])]
    return lines


@filter_(
    "address_line",
    _GROUP,
    ("src.lines | address_line(2)", {"lines": ["Hauptstr. 1", "2nd floor"]}, "2nd floor"),
    ("src.lines | address_line(2)", {"lines": ["Hauptstr. 1"]}, ""),
)
def address_line(value: Any, number: Any) -> str:
    """Gives street line `number` (1 is the first), or an empty text where there are fewer."""
    lines = need_list(value, "address_line")
    place = need_count(number, "address_line", 1)
    return need_text(lines[place - 1], "address_line") if place <= len(lines) else ""


@filter_(
    "id_of_gid",
    _GROUP,
    ("src.id | id_of_gid", {"id": "gid://shopify/Order/123"}, "123"),
    ("src.id | id_of_gid", {"id": "gid://shopify/InventoryLevel/5?inventory_item_id=9"}, "5"),
    refused=(("src.id | id_of_gid", {"id": "123"}, "MAP-TYPE"),),
)
def id_of_gid(value: Any) -> str:
    """Gives the plain id at the end of a global id (gid://system/Kind/id)."""
    body = need_text(value, "id_of_gid")
    found = re.fullmatch(r"gid://[^/?#]+/[^/?#]+/([^/?#]+)(\?.*)?", body)
    if not found:
        raise wrong(f"`id_of_gid` needs a global id such as gid://system/Kind/123, but got {masked(value)}.")
    return str(found[1])


@filter_("gid", _GROUP, ("src.id | gid('shopify', 'Order')", {"id": 123}, "gid://shopify/Order/123"))
def gid(value: Any, system: Any, kind: Any) -> str:
    """Makes a global id from a plain one; what already is a global id is kept."""
    body = _as_text(value, "gid")
    return body if body.startswith("gid://") else f"gid://{need_text(system, 'gid')}/{need_text(kind, 'gid')}/{body}"
