"""A simulated trading partner: an SFTP server with a folder for each stream, in and out, and every format in use.

It writes its files with the standard library alone, and reads the hub's with nothing but it: what the connector and this agree
upon is what other programs agree upon.
"""

# ruff: noqa: S314 - the XML is the hub's own

from __future__ import annotations

import csv
import io
import json
import os
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from connectors.files.config import STREAMS
from hub.sdk.testing.sftp import PASSWORD, USER, SftpSimulator
from hub.sdk.testing.simulator import NotApplicable

Record = dict[str, Any]

_FORMATS = {
    "order": "csv",
    "customer": "jsonl",
    "variant": "xml",
    "product": "json",
    "price": "fixed",
    "warehouse": "csv",
}
_ENCODINGS = {"warehouse": "utf-16"}
_COLUMNS = (
    ("id", 20),
    ("sku", 40),
    ("name", 40),
    ("price", 14),
    ("zip", 10),
    ("note", 200),
    ("action", 10),
    ("operation", 10),
)
_AT_A_TIME = 4


class FilesSimulator(SftpSimulator):
    """``records[stream][id]`` is what the partner has told; ``received[stream]`` are the records in the hub's files."""

    name: ClassVar[str] = "files"

    def __init__(self, *, seed: int = 1, clock: Any = None) -> None:
        super().__init__(seed=seed, clock=clock)
        self.records: dict[str, dict[str, Record]] = {stream: {} for stream in STREAMS}
        self.received: dict[str, list[Record]] = {stream: [] for stream in STREAMS}
        self._serial = 1000
        for stream in STREAMS:
            (self.root / "in" / stream).mkdir(parents=True)
            (self.root / "out" / stream).mkdir(parents=True)

    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this server. Files are kept, since the kit reads the same ones again and again."""
        parts = urlsplit(url)
        return {
            "sftp": {
                "host": parts.hostname, "port": parts.port, "user": USER, "password": PASSWORD, "host_key": self.public_key,
            },
            "read": {stream: self._reading(stream) for stream in STREAMS},
            "write": {
                stream: {**_shape(stream), "path": f"out/{stream}", "id": ["id"], "operation_field": "operation"} for stream in STREAMS
            },
        }  # fmt: skip

    def _reading(self, stream: str) -> dict[str, Any]:
        return {
            **_shape(stream), "path": f"in/{stream}", "id": ["id"], "group": stream == "order", "stable_for": 0, "after": "keep",
            "deleted": {"field": "action", "values": ["delete"]},
        }  # fmt: skip

    # --- what people and programs do at the partner's

    def put_file(self, stream: str, records: list[Record]) -> str:
        """Put a file with these records into a stream's folder, whole from the first moment; returns its name."""
        with self.lock:
            self._serial += 1
            name = f"{stream}-{self._serial}.{_format(stream)}"
        folder = self.root / "in" / stream
        hidden = folder / f".{name}"
        hidden.write_bytes(_written(records, stream))
        at = self.clock.now().timestamp()
        os.utime(hidden, (at, at))
        hidden.replace(folder / name)
        return name

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Records, a few in each file."""
        made = [self._made(stream) for _ in range(n)]
        for at in range(0, n, _AT_A_TIME):
            self.put_file(stream, made[at : at + _AT_A_TIME])
        return [record["id"] for record in made]

    def put_record(self, stream: str, **fields: Any) -> str:
        """One record with given values."""
        if "lines" in fields and stream != "order":
            raise NotApplicable(f"a {stream} in a file has no lines")
        if "extra" in fields and _format(stream) == "fixed":
            raise NotApplicable("a fixed-width line has no room for a new field")
        given = {
            "sku": fields.get("sku"),
            "zip": fields.get("zip"),
            "note": fields.get("text"),
            "price": fields.get("price"),
        }
        record = self._made(stream, **{name: value for name, value in given.items() if value is not None})
        if "lines" in fields:
            record["lines"] = [_line(number) for number in range(1, fields["lines"] + 1)]
        record |= fields.get("extra", {})
        self.put_file(stream, [record])
        return str(record["id"])

    def change(self, stream: str, external_id: str) -> None:
        """The partner sends the record again, with another note."""
        with self.lock:
            self._serial += 1
            record = self.records[stream][external_id]
            record["note"] = f"changed {self._serial}"
        self.put_file(stream, [record])

    def delete(self, stream: str, external_id: str) -> None:
        """The partner sends the record once more, as one to delete."""
        with self.lock:
            record = self.records[stream].pop(external_id)
        self.put_file(stream, [{**record, "action": "delete"}])

    def _made(self, stream: str, **given: Any) -> Record:
        with self.lock:
            self._serial += 1
            number = self._serial
            record = {
                "id": f"{stream}-{number}", "sku": f"SKU-{number}", "name": f"No. {number}", "price": Decimal("19.90"),
                "zip": "01067", "note": "", "action": "", **given,
            }  # fmt: skip
            if stream == "order":
                record["lines"] = [_line(1), _line(2)]
            self.records[stream][record["id"]] = record
        return record

    # --- what the hub does

    def arrived(self, path: str) -> None:
        """The hub has put a file into a folder: every record in it is an effect."""
        top, _, rest = path.partition("/")
        stream = rest.partition("/")[0]
        if top != "out" or stream not in STREAMS:
            return
        for record in _read((self.root / path).read_bytes(), stream):
            self.received[stream].append(record)
            self.effect(f"{stream}.{record['operation']}", record["id"], record)

    def sample_outbound(self, stream: str) -> Record:
        """A record that fits every format."""
        with self.lock:
            self._serial += 1
            number = self._serial
        sample = {
            "id": f"{stream}-{number}",
            "sku": f"SKU-{number}",
            "name": f"Nr. {number} für Zoë",
            "price": "19.90",
            "note": "",
        }
        return {**sample, "rows": [_line(1), _line(2)]} if stream == "order" else sample

    def sample_change(self, stream: str, data: Record) -> Record:
        """The same with a note."""
        return {**data, "note": f"changed in {stream}"}


def _format(stream: str) -> str:
    return _FORMATS.get(stream, "csv")


def _shape(stream: str) -> dict[str, Any]:
    kind = _format(stream)
    shape: dict[str, Any] = {"format": kind, "encoding": _ENCODINGS.get(stream, "utf-8")}
    if kind == "fixed":
        shape["columns"] = [{"name": name, "width": width} for name, width in _COLUMNS]
    if kind == "xml":
        shape["records"] = "Export/Record"
    return shape


def _line(number: int) -> Record:
    return {"line": str(number), "line_sku": f"SKU-{number}", "quantity": "1"}


def _written(records: list[Record], stream: str) -> bytes:
    """The bytes of a file."""
    kind = _format(stream)
    if kind == "xml":
        root = ET.Element("Export")
        for record in records:
            _element(root, "Record", record)
        return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
    if kind == "csv":
        text = _csv([row for record in records for row in _flat(record)])
    elif kind == "fixed":
        text = "".join(
            "".join(str(record.get(name, "")).ljust(width) for name, width in _COLUMNS) + "\r\n" for record in records
        )
    elif kind == "jsonl":
        text = "".join(json.dumps(record, default=str, ensure_ascii=False) + "\n" for record in records)
    else:
        text = json.dumps(records, default=str, indent=1)
    return text.encode(_ENCODINGS.get(stream, "utf-8"))


def _csv(rows: list[Record]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(record: Record) -> list[Record]:
    head = {
        name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in record.items() if name != "lines"
    }  # fmt: skip
    if "lines" not in record:
        return [head]
    return [{**head, **line} for line in record["lines"] or [dict.fromkeys(_line(0), "")]]


def _element(above: ET.Element, name: str, value: Any) -> None:
    if isinstance(value, list):
        for one in value:
            _element(above, name, one)
        return
    element = ET.SubElement(above, name)
    if isinstance(value, dict):
        for key, one in value.items():
            _element(element, key, one)
    else:
        element.text = "" if value is None else str(value)


def _read(body: bytes, stream: str) -> list[Record]:
    """The records of one of the hub's files; of the rows of an order the first."""
    kind = _format(stream)
    if kind == "xml":
        return [{field.tag: field.text or "" for field in one} for one in ET.fromstring(body).iter("Record")]
    text = body.decode(_ENCODINGS.get(stream, "utf-8"))
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return list({row["id"]: row for row in reversed(rows)}.values())
    if kind == "fixed":
        return [_cut(line) for line in text.splitlines()]
    return [json.loads(line) for line in text.splitlines()] if kind == "jsonl" else list(json.loads(text))


def _cut(line: str) -> Record:
    found, at = {}, 0
    for name, width in _COLUMNS:
        found[name] = line[at : at + width].strip()
        at += width
    return found
