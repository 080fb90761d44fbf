"""The ways to go from page to page. A way knows how to ask for the page at a position, and which position follows an answer.

A position is JSON data; none is the first page. It also holds the id of the row before it (``anchor``), by which a list that has
shifted meanwhile is noticed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from hub.documents import Path
from hub.errors import Rejected, RetryLater
from hub.sdk.declarative.answers import Answer
from hub.sdk.declarative.file import reading as file
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.paths import Getter, getter
from hub.sdk.paging import next_link

Position = dict[str, Any]
Rows = list[Any]
MOST_PAGES = 10_000


class Way(ABC):
    """How one list is divided into pages. ``most`` is the size of the largest page; ``fragile`` positions may run out."""

    fragile: ClassVar[bool] = False
    by_count: ClassVar[bool] = False
    most: int = 10_000

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:  # noqa: ARG002
        """The query parameters for the page at a position."""
        return {}

    def url(self, at: Position | None) -> str | None:  # noqa: ARG002
        """The whole address of the page, where the system gave one."""
        return None

    @abstractmethod
    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:
        """The position after an answer; none where the list ends."""

    def lasting(self, answer: Answer) -> Position | None:  # noqa: ARG002
        """Where the next round goes on, in a feed of changes."""
        return None


class OnePage(Way):
    """Everything comes at once."""

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:  # noqa: ARG002
        """Nothing follows."""
        return None


class _Sized(Way):
    def __init__(self, spec: Any) -> None:
        self._size: str | None = spec.size
        self.most = spec.most

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:  # noqa: ARG002
        return {self._size: size} if self._size else {}


class _Counted(_Sized):
    def __init__(self, spec: file.Counted) -> None:
        super().__init__(spec)
        self._more: Getter | None = getter(spec.more) if spec.more else None
        self._total: Getter | None = getter(spec.total) if spec.total else None
        self._short_is_last = spec.short_page_is_last

    def goes_on(self, rows: Rows, size: int, read: int, answer: Answer) -> bool:
        """Is there another page? Systems give fewer rows than asked for, so a short page alone says nothing."""
        if not rows:
            return False
        if self._more is not None:
            return bool(self._more(answer.data))
        if self._total is not None:
            total = str(self._total(answer.data))
            return read < int(total) if total.isascii() and total.isdigit() else True
        return len(rows) >= size or not (self._short_is_last and self._size)


class AfterRow(_Counted):
    """The next page begins behind the last row."""

    def __init__(self, spec: file.AfterPages, maker: Maker, at: Path, ids: Callable[[Any], str], time: Getter) -> None:
        super().__init__(spec)
        self._pairs = maker.pairs(spec.query, (*at, "query"), "after")
        self._id_of, self._time = ids, time

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:
        """The page size, and where to go on."""
        after = {"time": at["after"][0], "id": at["after"][1]} if at else {}
        return {**super().asked(at, size), **(self._pairs({"after": after}) if after else {})}

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:  # noqa: ARG002
        """Behind the last row."""
        if not self.goes_on(rows, size, 0, answer):
            return None
        return {"after": [self._time(rows[-1]), self._id_of(rows[-1])]}


class Offset(_Counted):
    """Pages by the number of rows before them. The last row of the page before is read again, to see that nothing has shifted."""

    by_count = True

    def __init__(self, spec: file.OffsetPages) -> None:
        super().__init__(spec)
        self._offset, self._largest = spec.offset, spec.most
        self.most = max(1, spec.most - 1)  # one row of each page is the last one of the page before

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:
        """The page size and the number of rows to skip."""
        skip = (at or {}).get("offset", 0)
        if at and at.get("anchor") and skip:
            return {**super().asked(at, min(size + 1, self._largest)), self._offset: skip - 1}
        return {**super().asked(at, size), self._offset: skip}

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:
        """Behind the rows that were read."""
        read = (at or {}).get("offset", 0) + len(rows)
        return {"offset": read} if self.goes_on(rows, size, read, answer) else None

    def back(self, at: Position, size: int) -> Position:
        """A page earlier."""
        return {"offset": max(0, at["offset"] - size)}


class Numbered(_Counted):
    """Pages by their number."""

    by_count = True

    def __init__(self, spec: file.NumberedPages) -> None:
        super().__init__(spec)
        self._page, self._first = spec.page, spec.first

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:
        """The page size and the page's number."""
        return {**super().asked(at, size), self._page: (at or {}).get("page", self._first)}

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:
        """The next number. The size stays, or the numbers would mean other rows."""
        number = (at or {}).get("page", self._first)
        read = (number - self._first) * size + len(rows)
        return {"page": number + 1, "size": size} if self.goes_on(rows, size, read, answer) else None

    def back(self, at: Position, size: int) -> Position:
        """A page earlier."""
        return {"page": max(self._first, at["page"] - 1), "size": size}


class _Address(_Sized):
    fragile = True

    def url(self, at: Position | None) -> str | None:
        """The address that the system gave."""
        return at.get("url") if at else None

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:  # noqa: ARG002
        """The address in the answer."""
        found = self._found(answer)
        if found is None:
            return None
        if at and found == at.get("url"):
            raise RetryLater("the system names the same page as the next one again")
        return {"url": found}

    def _found(self, answer: Answer) -> str | None:
        raise NotImplementedError


class Link(_Address):
    """The next page's address is in the header ``Link``."""

    def __init__(self, spec: file.LinkPages) -> None:
        super().__init__(spec)
        self._rel = spec.rel

    def _found(self, answer: Answer) -> str | None:
        headers = answer.response.headers
        found = next_link(headers, answer.response.url, self._rel)
        if found is None and re.search(rf'rel\s*=\s*"?{re.escape(self._rel)}\b', headers.get("link", "")):
            raise _other_host()
        return found


class NextUrl(_Address):
    """The next page's address is in the answer."""

    def __init__(self, spec: file.UrlPages) -> None:
        super().__init__(spec)
        self._field = getter(spec.field)
        self._delta = getter(spec.delta) if spec.delta else None

    def _found(self, answer: Answer) -> str | None:
        return _same_host(self._field(answer.data), answer)

    def lasting(self, answer: Answer) -> Position | None:
        """The delta link."""
        found = _same_host(self._delta(answer.data), answer) if self._delta is not None else None
        return {"url": found} if found else None


class Token(_Sized):
    """The answer has a token that asks for the next page."""

    fragile = True

    def __init__(self, spec: file.TokenPages) -> None:
        super().__init__(spec)
        self._field, self._query, self._keep = getter(spec.field), spec.query, spec.keep

    def asked(self, at: Position | None, size: int) -> dict[str, Any]:
        """The page size and the token."""
        return {**super().asked(at, size), **({self._query: at["token"]} if at and "token" in at else {})}

    def follow(self, at: Position | None, size: int, rows: Rows, answer: Answer) -> Position | None:  # noqa: ARG002
        """The token in the answer."""
        found = self._token(answer)
        if found is None or (self._keep and not rows):
            return None
        if at and found == at.get("token"):
            if self._keep:
                return None
            raise RetryLater("the system gives the same page token twice")
        return {"token": found}

    def lasting(self, answer: Answer) -> Position | None:
        """The last token, in a feed."""
        found = self._token(answer) if self._keep else None
        return {"token": found} if found is not None else None

    def _token(self, answer: Answer) -> str | int | None:
        found = self._field(answer.data)
        return found if isinstance(found, (str, int)) and not isinstance(found, bool) and found != "" else None


def way_of(spec: Any, maker: Maker, at: Path, ids: Callable[[Any], str], time: Getter | None) -> Way:
    """The way that a part of the file describes."""
    match spec:
        case file.AfterPages():
            return AfterRow(spec, maker, at, ids, time or (lambda _: None))
        case file.OffsetPages():
            return Offset(spec)
        case file.NumberedPages():
            return Numbered(spec)
        case file.LinkPages():
            return Link(spec)
        case file.UrlPages():
            return NextUrl(spec)
        case file.TokenPages():
            return Token(spec)
    return OnePage()


def rows_in(answer: Answer, path: Getter | None, what: str) -> Rows:
    """The list in an answer. An answer without one is not what the file says, and is no empty page."""
    found = path(answer.data) if path is not None else answer.data
    if isinstance(found, list):
        return found
    raise RetryLater(
        f"the system answered {answer.response.status} without the list of {what}",
        fix="Look at an answer of the system, and correct rows in the connector's file.",
    )


def every_row(read: Callable[[dict[str, Any], str | None], tuple[Rows, Answer]], way: Way) -> Iterator[Any]:
    """Every row of a list that is read at once, page by page."""
    at: Position | None = None
    for _ in range(MOST_PAGES):
        rows, answer = read(way.asked(at, way.most), way.url(at))
        yield from rows
        at = way.follow(at, way.most, rows, answer)
        if at is None:
            return
    raise Rejected(f"the list has more than {MOST_PAGES} pages")


def _same_host(found: Any, answer: Answer) -> str | None:
    """An address in an answer, made whole. One at another host would carry the credentials away."""
    if found in (None, ""):
        return None
    here = urlsplit(answer.response.url)
    url = urlsplit(urljoin(answer.response.url, found) if isinstance(found, str) else "")
    if url.netloc.lower() != here.netloc.lower():
        raise _other_host()
    # Systems behind a proxy name their own scheme, which is not the one that they are reached by.
    return url._replace(scheme=here.scheme).geturl()


def _other_host() -> Rejected:
    return Rejected("the system names a next page at another host", fix="Use that host's address in the settings.")
