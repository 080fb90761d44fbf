"""The settings of a connection to files: where they are, and for each stream what they look like."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NoReturn, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hub.errors import ConfigError, Rejected
from hub.sdk.connector import ConnectorConfig
from hub.sdk.files import safe_path
from hub.sdk.sftp import SftpServer

STREAMS = (
    "product", "variant", "price", "customer", "warehouse", "inventory_level", "order", "shipment", "return", "invoice",
)  # fmt: skip
UNFINISHED = (".*", "*.part", "*.tmp", "*.temp", "*.filepart", "*.crdownload", "*.partial", "*.swp", "*~")
"""Names that programs give to files which they are still writing."""
ENDINGS = {"csv": "csv", "jsonl": "jsonl", "json": "json", "xml": "xml", "fixed": "txt"}

Format = Literal["csv", "jsonl", "json", "xml", "fixed"]
Encoding = Literal["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_HOLES = re.compile(r"\{(\w*)\}")


def _path(value: str) -> str:
    try:
        return safe_path(value)
    except Rejected:
        raise ValueError("must be a path below the folder, with / and without ..") from None


Path = Annotated[str, AfterValidator(_path)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Settings):
    """One column of a fixed-width line. ``width`` counts characters; what is shorter is filled up with blanks."""

    name: Name
    width: int = Field(ge=1, le=10_000)
    align: Literal["left", "right"] = "left"


class Shape(_Settings):
    """Where files are and what they look like, in both directions."""

    path: Path = Field(description="The folder that files are put into.")
    format: Format = Field(default="csv", description="csv, jsonl (one object a line), json (one array), xml or fixed.")
    encoding: Encoding = Field(
        default="utf-8", description="How text is written. A byte order mark in front is understood."
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="CSV: what is between two fields.")
    quote: str = Field(
        default='"', min_length=1, max_length=1, description="CSV: what is around a field; twice inside one."
    )
    header: bool = Field(default=True, description="CSV: the first line names the columns.")
    columns: tuple[Name | Column, ...] = Field(
        default=(),
        description="Names of columns, in order: CSV without a header; what is written. Fixed width: name, width, align.",
    )
    records: str = Field(
        default="",
        description="Where the records are. JSON: the name of the array, where it is not the whole file. XML: the elements on the "
        "way to a record, such as Orders/Order.",
    )

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, where they are set."""
        return [one.name if isinstance(one, Column) else one for one in self.columns]

    @property
    def widths(self) -> list[Column]:
        """The columns of a fixed-width line."""
        return [one for one in self.columns if isinstance(one, Column)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = self.column_names
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        if self.format == "fixed" and (not names or len(self.widths) < len(names)):
            raise ValueError("a fixed-width format needs columns, each with name and width")
        if self.format != "fixed" and self.widths:
            raise ValueError("only a fixed-width format has columns with widths")
        if self.format == "csv" and not self.header and not names:
            raise ValueError("CSV without a header needs columns")
        if self.format == "xml" and not re.fullmatch(r"[\w.-]+(/[\w.-]+)+", self.records):
            raise ValueError("XML needs records: the elements from the root to a record, such as Orders/Order")
        return self


class Deleted(_Settings):
    """Which records say that something was deleted: ``field`` has one of ``values``."""

    field: Name
    values: tuple[str, ...] = Field(min_length=1)


class Reading(Shape):
    """Files of one stream that are read."""

    pattern: Name = Field(default="*", description="Which names are taken: * and ? stand for anything.")
    id: tuple[Name, ...] = Field(
        default=(), description="The fields whose values are a record's id; none = file name and row number."
    )
    version: str = Field(default="", description="A field that grows with every change; none = later files are newer.")
    group: bool = Field(
        default=False,
        description="Rows one after the other with the same id are one record; they are under `rows` in it.",
    )
    deleted: Deleted | None = Field(default=None, description="Which records tell of a deletion.")
    lists: tuple[Name, ...] = Field(
        default=(), description="XML: elements that are a list even when there is only one."
    )
    file_field: str = Field(default="", description="A field of this name is added, with the name of the file.")
    skip_lines: int = Field(default=0, ge=0, le=1000, description="Lines before the first one that counts.")
    order: Literal["time", "name"] = Field(
        default="time", description="Which file comes first: the one changed first, or by name (2 before 10)."
    )
    stable_for: float = Field(
        default=10.0,
        ge=0,
        le=86_400,
        description="Seconds that size and time of a file must stay the same before it is taken.",
    )
    done_suffix: str = Field(
        default="",
        description="A file is taken when there is another one with its name and this behind it, such as .done.",
    )
    ignore: tuple[Name, ...] = Field(default=UNFINISHED, description="Names that are never taken.")
    check_first: bool = Field(
        default=True,
        description="Read a file to its end before its first record is taken, so that none is taken of a broken one.",
    )
    bad_rows: Literal["stop", "set_aside"] = Field(
        default="stop",
        description="A row that cannot be read sends the file to quarantine (stop), or becomes an exception by itself (set_aside).",
    )
    changed_only: bool = Field(
        default=False, description="Files are whole lists: rows that were the same in the file before are passed over."
    )
    after: Literal["archive", "delete", "keep"] = Field(
        default="archive", description="What becomes of a file that was read."
    )
    archive: Path = Field(default="archive", description="Where it goes, below `path`.")
    quarantine: Path = Field(default="quarantine", description="Where an unreadable one goes, below `path`.")
    max_record: int = Field(default=1_048_576, ge=1024, le=64 * 1_048_576, description="Most bytes of one record.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.group and not self.id:
            raise ValueError("group needs an id: which fields are the same in rows of one record?")
        if self.group and self.bad_rows == "set_aside":
            raise ValueError("group needs bad_rows: stop, since a row that cannot be read may belong to any record")
        if self.changed_only and (not self.id or self.after != "archive"):
            raise ValueError("changed_only needs an id, and the file before in the archive (after: archive)")
        return self


class Batch(_Settings):
    """Many records in one file, closed when it has so many, or when the first one is so old."""

    records: int = Field(default=1000, ge=1, le=100_000, description="Most records in one file.")
    minutes: float = Field(default=15.0, gt=0, le=10_080, description="Longest time that a record waits for others.")


class Writing(Shape):
    """Files of one stream that are written."""

    name: Name = Field(
        default="{stream}-{key}.{ending}",
        description="The file's name. {stream}, {key} (different for each write), {id}, {time} (UTC), {ending}.",
    )
    id: tuple[Name, ...] = Field(
        default=(), description="The fields whose values are the record's id at the receiver; none = the hub's marker."
    )
    operation_field: str = Field(
        default="",
        description="A field of this name says create, update or delete. Without one, nothing can be deleted.",
    )
    bom: bool = Field(default=False, description="UTF-8 with a byte order mark, which Excel wants to see.")
    line_end: Literal["\n", "\r\n"] = Field(default="\n", description="What ends a line.")
    formula_guard: bool = Field(
        default=True,
        description="CSV: put ' before a text that a spreadsheet would run as a formula (= + - @ tab return).",
    )
    done_suffix: str = Field(
        default="", description="Write an empty file with this behind the name when a file is there."
    )
    batch: Batch | None = Field(default=None, description="Many records a file; none = one file for each.")

    @model_validator(mode="after")
    def _named(self) -> Self:
        holes = set(_HOLES.findall(self.name))
        unknown = holes - {"stream", "key", "id", "time", "ending"}
        if unknown or "/" in self.name or self.name.startswith(".") or _HOLES.sub("", self.name).count("{"):
            raise ValueError("name knows {stream}, {key}, {id}, {time} and {ending}, has no / and begins with no dot")
        if not holes & {"key", "id", "time"}:
            raise ValueError(
                "name must hold {key}, {id} or {time}: else each file would take the place of the one before"
            )
        if self.batch is not None and "id" in holes:
            raise ValueError("a batch has no {id}")
        if self.batch is not None and self.format == "csv" and not self.columns:
            raise ValueError("a batch in CSV needs columns: its records must have the same ones")
        return self


class FilesConfig(ConnectorConfig):
    """Where files are exchanged: a folder of this machine, or an SFTP server."""

    folder: str | None = Field(default=None, description="A folder of this machine. One of folder and sftp is needed.")
    sftp: SftpServer | None = Field(default=None, description="An SFTP server.")
    read: dict[str, Reading] = Field(default_factory=dict, description="What is read, by stream.")
    write: dict[str, Writing] = Field(default_factory=dict, description="What is written, by stream.")
    work: Path = Field(
        default=".hub", description="A folder in each folder that is written to, for what is not finished."
    )
    remember_days: float = Field(
        default=30.0,
        ge=1,
        le=3650,
        description="Days that the work folder remembers what was written, so that it is never repeated.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.sftp is None):
            raise ValueError("one of folder and sftp is needed, and only one")
        unknown = [name for name in (*self.read, *self.write) if name not in STREAMS]
        if unknown:
            raise ValueError(f"there is no stream {unknown[0]!r}; there are {', '.join(STREAMS)}")
        return self

    def reading(self, stream: str) -> Reading:
        """How files of a stream are read. `ConfigError` where nothing is said."""
        return self.read.get(stream) or _unsaid(stream, "read")

    def writing(self, stream: str) -> Writing:
        """How files of a stream are written. `ConfigError` where nothing is said."""
        return self.write.get(stream) or _unsaid(stream, "write")


def _unsaid(stream: str, verb: str) -> NoReturn:
    raise ConfigError(
        f"the connection does not say how to {verb} files of {stream}.", code="CFG-STREAM", fix=f"Add {verb}.{stream} to its config."
    )  # fmt: skip
