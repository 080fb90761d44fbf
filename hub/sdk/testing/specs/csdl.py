"""OData metadata (CSDL XML of v4, v3 and v2): its types with their properties, its entity sets, actions and functions.

https://docs.oasis-open.org/odata/odata-csdl-xml/v4.01/odata-csdl-xml-v4.01.html and, for the older ones, the Entity Data Model at
https://learn.microsoft.com/en-us/openspecs/windows_protocols/mc-csdl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from hub.errors import ConfigError
from hub.sdk.testing.specs.shapes import Shape

_SAP = "{http://www.sap.com/Protocols/SAPData}"
_OF_ENTITIES = ("context", "id", "etag", "editLink", "readLink", "type", "mediaReadLink", "mediaContentType", "removed")
VALUE = Shape("a value")
"""A plain value."""


class Metadata:
    """One service's metadata."""

    def __init__(self, root: Element, name: str) -> None:
        self.name = name
        schemas = [one for one in root.iter() if word(one) == "Schema"]
        if word(root) != "Edmx" or not schemas:
            raise ConfigError("it is no OData metadata: it has no schema.", code="CFG-SPEC", where=name)
        self._root = root
        self._names: dict[str, str] = {}
        self.types: dict[str, Element] = {}
        self.enums: dict[str, tuple[str, ...]] = {}
        self.sets: dict[str, str] = {}
        self.singles: dict[str, str] = {}
        self.imports: dict[str, Element] = {}
        self.calls: dict[str, list[Element]] = {}
        self._ends: dict[tuple[str, str], str] = {}
        for schema in schemas:
            space = schema.get("Namespace", "")
            self._names |= {alias: space for alias in (schema.get("Alias", ""),) if alias}
            for node in schema:
                self._take(space, node)

    @classmethod
    def of(cls, text: str, name: str) -> Metadata:
        """The metadata in a text of XML. A document type, and with it every entity of its own making, is refused."""
        if "<!DOCTYPE" in text:
            raise ConfigError("it has a document type, which metadata never has.", code="CFG-SPEC", where=name)
        try:
            root = ET.fromstring(text.encode())  # noqa: S314 - no document type, so nothing to expand
        except ET.ParseError as error:
            raise ConfigError(f"it is no XML: {error}.", code="CFG-SPEC", where=name) from None
        return cls(root, name)

    def _take(self, space: str, node: Element) -> None:
        name = node.get("Name", "")
        match word(node):
            case "EntityType" | "ComplexType":
                self.types[f"{space}.{name}"] = node
            case "EnumType":
                self.enums[f"{space}.{name}"] = tuple(one.get("Name", "") for one in node if word(one) == "Member")
            case "Action" | "Function":
                self.calls.setdefault(f"{space}.{name}", []).append(node)
            case "Association":
                for end in node:
                    if word(end) == "End":
                        self._ends[f"{space}.{name}", end.get("Role", "")] = (
                            f"Collection({end.get('Type')})" if end.get("Multiplicity") == "*" else end.get("Type", "")
                        )
            case "EntityContainer":
                for one in node:
                    self._take_member(one)

    def _take_member(self, node: Element) -> None:
        name = node.get("Name", "")
        match word(node):
            case "EntitySet":
                self.sets[name] = node.get("EntityType", "")
            case "Singleton":
                self.singles[name] = node.get("Type", "")
            case "FunctionImport" | "ActionImport":
                self.imports[name] = node

    @cached_property
    def version(self) -> int:
        """2, 3 or 4."""
        if self._root.get("Version", "").startswith("4"):
            return 4
        said = [
            value for node in self._root for name, value in node.attrib.items() if name.endswith("DataServiceVersion")
        ]
        return 3 if any(one.startswith("3") for one in said) else 2

    @cached_property
    def _notes(self) -> Mapping[str, list[Element]]:
        """The annotations that stand apart from what they are about, by their target."""
        found: dict[str, list[Element]] = {}
        for node in self._root.iter():
            if word(node) == "Annotations":
                found.setdefault(self.full(node.get("Target", "")), []).extend(node)
        return found

    # --- types

    def line(self, type_: str) -> list[str]:
        """A type and those that it is made from, the nearest first."""
        line: list[str] = []
        here = self.full(type_)
        while here in self.types and here not in line:
            line.append(here)
            here = self.full(self.types[here].get("BaseType", ""))
        return line

    def properties(self, type_: str) -> dict[str, Element]:
        """Every property by its name, navigation properties as well."""
        return {
            node.get("Name", ""): node
            for one in reversed(self.line(type_))
            for node in self.types[one]
            if word(node) in ("Property", "NavigationProperty")
        }

    def type_of(self, node: Element) -> str:
        """The type of a property, or where it leads."""
        kind = node.get("Type")
        if kind is not None:
            return kind
        return self._ends.get((self.full(node.get("Relationship", "")), node.get("ToRole", "")), "")

    def value(self, name: str, node: Element, *, creating: bool = True, owner: str = "") -> Shape:
        """The shape of a property or a parameter."""
        kind = self.full(inner(self.type_of(node)))
        notes, writable = self._noted(name, node, owner), self.writable(name, node, owner, creating=creating)
        deprecated = any(_is_deprecation(one) for term, one in notes.items() if term == "Revisions")
        if kind in self.types:
            return Record(self, kind, creating=creating, deprecated=deprecated, writable=writable)
        return Shape(
            f"{name} of {last(owner)}" if owner else name,
            open=not kind.startswith("Edm.") and kind not in self.enums,
            values=self.enums.get(kind, ()),
            deprecated=deprecated,
            writable=writable,
        )

    def writable(self, name: str, node: Element, owner: str, *, creating: bool) -> bool:
        """May a property be given, in a new record or in a change?"""
        notes = self._noted(name, node, owner)
        kept = ("Computed",) if creating else ("Computed", "Immutable")
        by_sap = node.get(_SAP + ("creatable" if creating else "updatable")) != "false"
        return by_sap and not any(_true(notes[term]) for term in kept if term in notes) and not _read_only(notes)

    def _noted(self, name: str, node: Element, owner: str) -> dict[str, Element]:
        """The annotations of a property by their terms."""
        return {_term(one): one for one in (*node, *self._notes.get(f"{owner}/{name}", ()))}

    def full(self, name: str) -> str:
        """A name with its namespace instead of the alias."""
        space, _, rest = name.rpartition(".")
        return f"{self._names.get(space, space)}.{rest}" if space else name


class Record(Shape):
    """A record of an entity type or a complex type."""

    def __init__(
        self, api: Metadata, type_: str, *, creating: bool, deprecated: bool = False, writable: bool = True
    ) -> None:
        self._api, self._type, self._creating = api, type_, creating
        line = api.line(type_)
        super().__init__(
            last(type_),
            open=not line or any(api.types[one].get("OpenType") == "true" for one in line),
            deprecated=deprecated,
            writable=writable,
            required=self._needed(),
        )

    def _needed(self) -> Iterator[str]:
        """What a new record must have: what may not be null, is not filled in by the system, and is no key."""
        api = self._api
        keys = {
            one.get("Name")
            for type_ in api.line(self._type)
            for one in api.types[type_].iter()
            if word(one) == "PropertyRef"
        }
        for name, node in api.properties(self._type).items():
            required = (
                node.get("Nullable") == "false" and "DefaultValue" not in node.attrib and word(node) == "Property"
            )
            if required and name not in keys and api.writable(name, node, self._owners[name], creating=self._creating):
                yield name

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The type in which each property stands."""
        line = self._api.line(self._type)
        return {node.get("Name", ""): one for one in line for node in self._api.types[one]}

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The properties, and the control information of the JSON form."""
        found = {
            name: self._api.value(name, node, creating=self._creating, owner=self._owners[name])
            for name, node in self._api.properties(self._type).items()
        }
        if self._api.version == 4:
            return {**found, **{f"@odata.{name}": VALUE for name in _OF_ENTITIES}}
        inside = dict.fromkeys(("uri", "id", "etag", "type"), VALUE)
        more: dict[str, Shape] = {"__metadata": Shape("__metadata", members=inside), "results": self}
        if self._api.version == 3:
            more |= {f"odata.{name}": VALUE for name in ("metadata", "etag", "id", "type", "editLink")}
        return {**found, **more}


def word(node: Element) -> str:
    """An element's name without its namespace."""
    return str(node.tag).rpartition("}")[2]


def _term(node: Element) -> str:
    """The last part of an annotation's term: Computed of Org.OData.Core.V1.Computed."""
    return node.get("Term", "").rpartition(".")[2]


def _true(node: Element) -> bool:
    return node.get("Bool", "true") == "true"


def _read_only(notes: Mapping[str, Element]) -> bool:
    node = notes.get("Permissions")
    return node is not None and (node.get("EnumMember") or "").endswith("/Read")


def _is_deprecation(node: Element) -> bool:
    """Is one of the revisions the end of it?"""
    return any((one.get("EnumMember") or one.text or "").endswith("/Deprecated") for one in node.iter())


def inner(kind: str) -> str:
    """The type in a collection."""
    return kind[len("Collection(") : -1] if kind.startswith("Collection(") else kind


def last(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(".")[2]
