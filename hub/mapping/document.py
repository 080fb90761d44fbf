"""Reads one mapping file, YAML 1.2 or JSON, into nodes that know their line and column.

Only plain data gets through: no anchors, aliases, merge keys, tags or duplicate keys, every key is text, and a value that
YAML readers disagree about (``0123``, ``1.10``, ``NO``, a date) must be quoted. The reader never builds an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.mapping import limits
from hub.mapping.findings import Finding, MappingInvalid

Scalar = str | int | bool | Decimal | None

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_NULL = frozenset({"", "~", "null"})
_BOOLEAN = {"true": True, "false": False}
_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
_AMBIGUOUS = re.compile(
    r"[-+]?0[0-9_]+|[-+]?0[xob][0-9A-Fa-f_]+|\+[0-9].*|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"
    r"|[-+]?\.(inf|nan|[0-9]+)|[-+]?[0-9]+\.?[0-9]*e[-+]?[0-9]+|[-+]?[0-9]+\.|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?",
    re.IGNORECASE,
)
_UNQUOTED = re.compile(r"(\{\{.*\}\}[^,\]}#]*)")


@dataclass(slots=True)
class Node:
    """One value of a file. ``value`` is a dict of nodes, a list of nodes, or a scalar; ``keys`` has the place of every key."""

    value: Any
    file: str
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    block: bool = False
    """True for a scalar in block style, whose text begins on the line after ``line``."""

    def finding(self, code: str, message: str, fix: str = "", key: str | None = None) -> Finding:
        """An error at this node, or at one of its keys."""
        line, column = self.keys.get(key, (self.line, self.column)) if key is not None else (self.line, self.column)
        return Finding(code, "error", self.file, line, column, message, fix)


def read(text: str, file: str) -> Node:
    """The file's one document; raises :class:`MappingInvalid` with all that can be found wrong at once."""
    if len(text.encode("utf-8", "surrogatepass")) > limits.FILE_BYTES:
        fault = Finding("MAP006", "error", file, 1, 1, "The file is longer than 1 MiB.", "Split it with $include.")
        raise MappingInvalid([fault], code="MAP-LIMIT")
    if file.endswith(".json"):
        text = _checked_json(text, file)
    return _Reader(text, file).document()


def _checked_json(text: str, file: str) -> str:
    """The same text, readable as YAML; JSON's own parser reports the faults that are particular to JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise MappingInvalid(
            [Finding("MAP001", "error", file, error.lineno, error.colno, f"Not JSON: {error.msg}.")]
        ) from None
    except (RecursionError, ValueError):
        raise MappingInvalid(
            [Finding("MAP006", "error", file, 1, 1, "The JSON is nested too deep or has too long a number.")]
        ) from None
    return text.replace("\t", " ")


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.file = file
        self.found: list[Finding] = []
        self.count = 0

    def document(self) -> Node:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        root: Node | None = None
        try:
            events = YAML(typ="safe", pure=True).parse(self.text)
            for event in events:
                name = type(event).__name__
                if name == "DocumentStartEvent":
                    if root is not None:
                        self._stop(
                            event, "MAP007", "The file holds more than one document.", "Remove '---' and what follows."
                        )
                    if event.version or event.tags:
                        self._stop(event, "MAP003", "%YAML and %TAG lines are not allowed.", "Remove the line.")
                elif name not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                    root = self._node(event, events, 1)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = " ".join(str(error.problem or error.context or "it cannot be read").split())
            fix = (
                "Quote the value."
                if "{{" in self._line(line)
                else "Indent with spaces, not with tabs."
                if "\\t" in problem
                else ""
            )
            self._end(Finding("MAP001", "error", self.file, line, column, f"Not YAML: {problem}.", fix))
        except (YAMLError, ValueError, OverflowError, AttributeError, IndexError, KeyError, TypeError):
            self._end(Finding("MAP001", "error", self.file, 1, 1, "Not YAML: the file cannot be read."))
        except RecursionError:
            self._end(Finding("MAP006", "error", self.file, 1, 1, "The file is nested too deep."))
        if self.found:
            raise MappingInvalid(self.found)
        if root is None:
            raise MappingInvalid([Finding("MAP001", "error", self.file, 1, 1, "The file is empty.")])
        return root

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def _end(self, finding: Finding) -> None:
        raise MappingInvalid([*self.found, finding]) from None

    def _place(self, event: Any) -> tuple[int, int]:
        return event.start_mark.line + 1, event.start_mark.column + 1

    def _add(self, event: Any, code: str, message: str, fix: str = "") -> None:
        self.found.append(Finding(code, "error", self.file, *self._place(event), message, fix))

    def _stop(self, event: Any, code: str, message: str, fix: str = "") -> None:
        self._end(Finding(code, "error", self.file, *self._place(event), message, fix))

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        name = type(event).__name__
        self.count += 1
        if depth > limits.FILE_DEPTH:
            self._stop(
                event,
                "MAP006",
                f"The file is nested deeper than {limits.FILE_DEPTH} levels.",
                "Split it with $include.",
            )
        if self.count > limits.FILE_NODES:
            self._stop(event, "MAP006", f"The file has more than {limits.FILE_NODES:,} values.")
        if name == "AliasEvent" or getattr(event, "anchor", None):
            self._stop(
                event,
                "MAP002",
                "Anchors and aliases are not allowed.",
                "Use `let:` for values and `$include` for structures.",
            )
        if getattr(event, "tag", None) and not (name == "ScalarEvent" and event.ctag is None):
            self._stop(event, "MAP003", "YAML tags (!...) are not allowed.", "Remove the tag; a mapping is plain data.")
        if name == "ScalarEvent":
            return self._scalar(event)
        if name == "SequenceStartEvent":
            node = Node([], self.file, *self._place(event))
            while type(item := next(events)).__name__ != "SequenceEndEvent":
                node.value.append(self._node(item, events, depth + 1))
            return node
        return self._mapping(event, events, depth)

    def _mapping(self, start: Any, events: Iterator[Any], depth: int) -> Node:
        node = Node({}, self.file, *self._place(start))
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._key(event)
            value = self._node(next(events), events, depth + 1)
            if key in node.value:
                first = node.keys[key][0]
                self._add(
                    event, "MAP004", f"The key {key!r} is there twice (first in line {first}).", "Remove one of them."
                )
            node.value[key] = value
            node.keys[key] = self._place(event)
        return node

    def _key(self, event: Any) -> str:
        line, column = self._place(event)
        if type(event).__name__ == "MappingStartEvent" and self._line(line)[column - 2 : column] == "{{":
            found = _UNQUOTED.search(self._line(line), column - 2)
            text = found[1].strip() if found else "{{ ... }}"
            quote = "'" if '"' in text else '"'
            fix = f"Write {quote}{text}{quote}."
            self._end(Finding("MAP009", "error", self.file, line, column - 1, "An expression must be quoted.", fix))
        if type(event).__name__ == "AliasEvent" or getattr(event, "anchor", None):
            self._stop(event, "MAP002", "Anchors and aliases are not allowed.", "Use `let:` for values.")
        if type(event).__name__ != "ScalarEvent":
            self._stop(event, "MAP005", "A key must be text.", "Quote the key.")
        if event.tag:
            self._stop(event, "MAP003", "YAML tags (!...) are not allowed.", "Remove the tag.")
        text = str(event.value)
        if event.style is None:
            if text == "<<":
                self._stop(event, "MAP002", "Merge keys (<<) are not allowed.", "Use $merge or $include.")
            if text in _NULL or text.lower() in _WORDS or _NUMBER.fullmatch(text) or _AMBIGUOUS.fullmatch(text):
                self._add(event, "MAP005", f"The key {text} is not text for every YAML reader.", f'Quote it: "{text}".')
        return self._characters(event, text)

    def _characters(self, event: Any, text: str) -> str:
        if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if "\x00" in text or "\ufffd" in text:
            self._add(event, "MAP028", "The text holds a character that cannot be stored (U+0000 or half a surrogate pair).",
                      "Remove the character.")  # fmt: skip
        return text

    def _scalar(self, event: Any) -> Node:
        text, place = str(event.value), self._place(event)
        if event.style is not None:
            return Node(self._characters(event, text), self.file, *place, block=event.style in ("|", ">"))
        return Node(self._plain(event, text), self.file, *place)

    def _plain(self, event: Any, text: str) -> Scalar:
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if text.lower() in _WORDS:
            other = "null" if text.lower() == "null" else "true" if text.lower() in ("yes", "on", "true") else "false"
            self._add(event, "MAP008", f"{text} is text for some YAML readers and {other} for others.",
                      f'Write "{text}" for the text, or {other}.')  # fmt: skip
            return text
        if _NUMBER.fullmatch(text):
            if "." not in text:
                return int(text) if len(text) <= limits.DIGITS else self._ambiguous(event, text)
            if not text.endswith("0"):
                return Decimal(text)
            return self._ambiguous(event, text)
        if _AMBIGUOUS.fullmatch(text):
            return self._ambiguous(event, text)
        return self._characters(event, text)

    def _ambiguous(self, event: Any, text: str) -> str:
        self._add(event, "MAP008", f"{text} does not keep its form: YAML readers turn it into a number, a date or another text.",
                  f'Quote it: "{text}".')  # fmt: skip
        return text
