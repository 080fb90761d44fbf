"""GraphQL: the connector's documents, the variables that its code gives them, and what it reads of the answers, against the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    KnownArgumentNamesRule,
    KnownDirectivesRule,
    KnownTypeNamesRule,
    NoDeprecatedCustomRule,
    NonNullTypeNode,
    NoUnusedFragmentsRule,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ProvidedRequiredArgumentsRule,
    SelectionSetNode,
    Source,
    ValuesOfCorrectTypeRule,
    build_client_schema,
    build_schema,
    is_required_input_field,
    parse,
    specified_rules,
    type_from_ast,
    validate,
)

from hub.errors import ConfigError
from hub.sdk.testing.specs import FORMS, Checked, content
from hub.sdk.testing.specs.misfits import Kind, Misfit, misfit
from hub.sdk.testing.specs.program import Program, shown
from hub.sdk.testing.specs.reader import Call, Reader
from hub.sdk.testing.specs.shapes import Field
from hub.sdk.testing.specs.values import UNKNOWN, Text, Value, join, walk

_UNKNOWN_RULES = (FieldsOnCorrectTypeRule, KnownArgumentNamesRule, KnownTypeNamesRule, KnownDirectivesRule)
_MISSING_RULES = (ProvidedRequiredArgumentsRule,)
_OTHER_RULES = tuple(
    rule
    for rule in specified_rules
    if rule not in (*_UNKNOWN_RULES, *_MISSING_RULES, ValuesOfCorrectTypeRule, NoUnusedFragmentsRule)
)


class Answer:
    """A part of an answer: what a document asks for at one place. Lists are passed over."""

    def __init__(self, of: str, parts: list[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.of = of
        self._parts = parts
        self._fragments = fragments

    @cached_property
    def fields(self) -> dict[str, list[SelectionSetNode]]:
        """The names in this part of the answer, and what is asked for below each."""
        found: dict[str, list[SelectionSetNode]] = {}
        for part in self._parts:
            self._collect(part, found)
        return found

    @cached_property
    def children(self) -> dict[str, Answer | None]:
        """The parts below; none for a plain value."""
        return {
            name: Answer(f"{self.of}.{name}", parts, self._fragments) if parts else None
            for name, parts in self.fields.items()
        }

    def child(self, name: str) -> Value | None:
        """What stands under a name; none when it was not asked for."""
        if name not in self.fields:
            return None
        below = self.children[name]
        return UNKNOWN if below is None else Value(objects=frozenset({below}))

    def below(self) -> Value:
        """What stands under any name."""
        return join(self.child(name) or UNKNOWN for name in self.fields)

    def _collect(self, part: SelectionSetNode, found: dict[str, list[SelectionSetNode]]) -> None:
        for node in part.selections:
            if isinstance(node, FieldNode):
                name = (node.alias or node.name).value
                found.setdefault(name, [])
                if node.selection_set is not None:
                    found[name].append(node.selection_set)
                continue
            inner: Any = self._fragments.get(node.name.value) if isinstance(node, FragmentSpreadNode) else node
            if inner is not None:
                self._collect(inner.selection_set, found)


@dataclass(slots=True)
class Document:
    """One operation with the fragments that it spreads."""

    name: str
    operation: OperationDefinitionNode
    nodes: DocumentNode

    def answer(self) -> Value:
        """What comes back. A mutation's answer is also its only field's payload, which clients unpack."""
        fragments = {one.name.value: one for one in self.nodes.definitions if isinstance(one, FragmentDefinitionNode)}
        whole = Answer(self.name, [self.operation.selection_set], fragments)
        made: set[Any] = {whole}
        if self.operation.operation.value == "mutation" and len(whole.children) == 1:
            made |= {one for one in whole.children.values() if one is not None}
        return Value(objects=frozenset(made))


class Documents(dict[str, Document]):
    """The ``*.graphql`` files of a connector: one operation a file, called by the file's name; fragments may stand in any."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.broken: list[Misfit] = []
        operations: dict[str, OperationDefinitionNode] = {}
        for path in sorted(folder.rglob("*.graphql")):
            if any(part.startswith(("simulator", "tests")) for part in path.relative_to(folder).parts):
                continue
            for node in self._parsed(path):
                if isinstance(node, FragmentDefinitionNode):
                    self.fragments[node.name.value] = node
                elif isinstance(node, OperationDefinitionNode):
                    operations[path.stem] = node
        for name, operation in operations.items():
            used: dict[str, FragmentDefinitionNode] = {}
            self._spread(operation.selection_set, used)
            self[name] = Document(name, operation, DocumentNode(definitions=(operation, *used.values())))

    def unused(self) -> Iterator[DocumentNode]:
        """Each fragment that no operation spreads, with those that it spreads itself."""
        spread = {id(node) for one in self.values() for node in one.nodes.definitions}
        for name, node in self.fragments.items():
            if id(node) not in spread:
                used = {name: node}
                self._spread(node.selection_set, used)
                yield DocumentNode(definitions=tuple(used.values()))

    def _parsed(self, path: Path) -> Iterable[Any]:
        try:
            return parse(Source(path.read_text(encoding="utf-8"), shown(path))).definitions
        except GraphQLError as error:
            line = error.locations[0].line if error.locations else 1
            self.broken.append(Misfit(shown(path), line, Kind.MISMATCH, path.stem, error.message))
            return ()

    def _spread(self, part: SelectionSetNode, used: dict[str, FragmentDefinitionNode]) -> None:
        for node in part.selections:
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments.get(node.name.value)
                if fragment is not None and node.name.value not in used:
                    used[node.name.value] = fragment
                    self._spread(fragment.selection_set, used)
            elif isinstance(node, (FieldNode, InlineFragmentNode)) and node.selection_set is not None:
                self._spread(node.selection_set, used)


@dataclass
class Sent:
    """What the code gives one document: its variables' values, and where."""

    document: Document
    call: Call


@dataclass
class _Calls:
    """The dialect: a method that is called with a document's name, and the document's variables by name, sends that document."""

    documents: Documents
    sent_calls: list[Sent] = field(default_factory=list)
    asked: set[Text] = field(default_factory=set)
    unasked: dict[Text, str] = field(default_factory=dict)
    of_answers: set[Text] = field(default_factory=set)
    _inside: bool = False

    def sent(self, call: Call, reader: Reader) -> Value | None:
        """Is it a call of a document? The method that it goes through is read as well: it looks at answers too."""
        if not call.is_method or not call.given:
            return None
        named = [self.documents[one.text] for one in call.given[0].texts if one.text in self.documents]
        if not named or any(one.text not in self.documents for one in call.given[0].texts):
            return None
        if not self._inside:
            self.sent_calls += [Sent(document, call) for document in named]
            self._inside = True
            for target in call.targets:
                reader.run(target, reader.bind(target.function, call), 0)
            self._inside = False
        return join(document.answer() for document in named)

    def reads(self, place: Text, answers: frozenset[Any], *, asked: bool) -> None:
        """The same code may read several answers: it is wrong where none of them has what it reads."""
        if answers:
            self.of_answers.add(place)
        if asked:
            self.asked.add(place)
        else:
            self.unasked[place] = " or ".join(sorted({one.of for one in answers})[:3])


class GraphQL:
    """A schema: SDL, or the result of an introspection query (JSON, also gzipped)."""

    kind = "graphql"

    def __init__(self, schema: GraphQLSchema, name: str) -> None:
        self.schema = schema
        self.name = name
        self._chosen: set[Text] = set()

    @classmethod
    def load(cls, path: Path) -> GraphQL:
        """The schema of a file."""
        return cls.of(content(path), path)

    @classmethod
    def of(cls, found: Any, path: Path) -> GraphQL:
        """The schema in a file's content: SDL, or the JSON data of an introspection's answer."""
        try:
            if isinstance(found, str):
                return cls(build_schema(found, assume_valid=True), path.name)
            return cls(build_client_schema(found.get("data", found), assume_valid=True), path.name)
        except (GraphQLError, ValueError, KeyError, TypeError, AttributeError) as e:
            said = e.message if isinstance(e, GraphQLError) else f"{type(e).__name__} {e}"
            fix = f"Give {FORMS}."
            raise ConfigError(f"it is no GraphQL schema: {said}", code="CFG-SPEC", where=str(path), fix=fix) from None

    def check(self, folder: Path, package: str, mapped: Sequence[Field] = ()) -> Checked:  # noqa: ARG002 - records of the connector's own
        """Everything in a connector's source that does not fit this schema."""
        documents = Documents(folder)
        calls = _Calls(documents)
        self._chosen.clear()
        Reader(Program(folder, package), calls).read()
        found = set(documents.broken)
        for document in documents.values():
            found |= set(self._of_document(document.nodes))
        for nodes in documents.unused():
            found |= set(self._of_document(nodes))
        told = [one for sent in calls.sent_calls for one in self._of_call(sent)]
        # A key that is one of two belongs to one of the inputs that the code makes: it is wrong where none of them has it.
        fits = {(place.file, place.line, place.text) for place in self._chosen}
        found |= {one for one in told if (one.file, one.line, one.what.rpartition(".")[2]) not in fits}
        for place, of in calls.unasked.items():
            if place not in calls.asked:
                found.add(misfit(place, Kind.UNASKED, place.text, f"{place.text} is read, and {of} does not have it."))
        keys = frozenset(place for sent in calls.sent_calls for place in _places(sent))
        uses = {
            "documents": len(documents),
            "calls": len({sent.call.place for sent in calls.sent_calls}),
            "fields": sum(_fields(document.nodes) for document in documents.values()),
            "variables": len({place for sent in calls.sent_calls for place, _ in sent.call.named.values()}),
            "keys": len(keys),
            "reads": len(calls.of_answers),
        }
        return Checked(self.name, self.kind, uses if documents else {}, sorted(found), keys | calls.of_answers)

    # --- documents

    def _of_document(self, nodes: DocumentNode) -> Iterator[Misfit]:
        for rules, kind in (
            (_UNKNOWN_RULES, Kind.UNKNOWN),
            (_MISSING_RULES, Kind.MISSING),
            (_OTHER_RULES, Kind.MISMATCH),
            ((ValuesOfCorrectTypeRule,), None),
            ((NoDeprecatedCustomRule,), Kind.DEPRECATED),
        ):
            for error in validate(self.schema, nodes, rules, max_errors=10_000):
                yield _as_misfit(error, kind or _of_value(error))

    # --- what the code gives

    def _of_call(self, sent: Sent) -> Iterator[Misfit]:
        declared = {one.variable.name.value: one for one in sent.document.operation.variable_definitions or ()}
        call, name = sent.call, sent.document.name
        given = {variable: [(place, value)] for variable, (place, value) in call.named.items()}
        for key in call.more.keys if call.more is not None else ():
            given.setdefault(key.name, []).extend((place, key.value) for place in key.places)
        for variable, values in given.items():
            for place, value in values:
                if variable not in declared:
                    yield misfit(
                        place, Kind.UNKNOWN, f"{name}(${variable})", f"{name} has no variable ${variable}.", declared
                    )
                    continue
                kind = type_from_ast(self.schema, declared[variable].type)
                if kind is not None:
                    yield from self._of_input(kind, value, place)
        if call.more is not None and call.more.open:
            return
        for variable, definition in declared.items():
            if (
                isinstance(definition.type, NonNullTypeNode)
                and definition.default_value is None
                and variable not in given
            ):
                yield misfit(
                    call.place, Kind.MISSING, f"{name}(${variable})", f"{name} requires the variable ${variable}."
                )

    def _of_input(self, kind: Any, value: Value, place: Text) -> Iterator[Misfit]:
        if isinstance(kind, GraphQLNonNull):
            yield from self._of_input(kind.of_type, value, place)
        elif isinstance(kind, GraphQLList):
            inner = [*(value.parts or ()), *value.elements]
            for one in inner or ([value] if value.is_mapping else []):
                yield from self._of_input(kind.of_type, one, place)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from self._of_object(kind, value, place)
        elif isinstance(kind, GraphQLEnumType):
            yield from _of_enum(kind, value)

    def _of_object(self, kind: GraphQLInputObjectType, value: Value, place: Text) -> Iterator[Misfit]:
        for key in value.keys:
            known = kind.fields.get(key.name)
            what = f"{kind.name}.{key.name}"
            for at in sorted(key.places):
                if known is None:
                    yield misfit(at, Kind.UNKNOWN, what, f"{kind.name} has no field {key.name!r}.", kind.fields)
                elif known.deprecation_reason is not None:
                    yield misfit(at, Kind.DEPRECATED, what, f"{what} is deprecated: {known.deprecation_reason}")
            if known is not None:
                self._chosen |= {at for at in key.places if at.chosen}
                yield from self._of_input(known.type, key.value, min(key.places))
        if value.is_mapping and value.rest is None and not value.open and not value.objects:
            given = {key.name for key in value.keys}
            for name, known in kind.fields.items():
                if is_required_input_field(known) and name not in given:
                    at = min((one for key in value.keys for one in key.places), default=place)
                    yield misfit(at, Kind.MISSING, f"{kind.name}.{name}", f"{kind.name} requires the field {name!r}.")


def _fields(nodes: DocumentNode) -> int:
    return sum(isinstance(part, FieldNode) for node in nodes.definitions for part in _nodes(node))


def _nodes(node: Any) -> Iterator[Any]:
    selected = getattr(node, "selection_set", None)
    for part in selected.selections if selected is not None else ():
        yield part
        yield from _nodes(part)


def _places(sent: Sent) -> Iterator[Text]:
    """The places of every key of every object that is given."""
    for _, value in sent.call.named.values():
        for part in walk(value):
            for key in part.keys:
                yield from key.places


def _of_enum(kind: GraphQLEnumType, value: Value) -> Iterator[Misfit]:
    for place in sorted(value.texts):
        known = kind.values.get(place.text)
        what = f"{kind.name}.{place.text}"
        if known is None:
            yield misfit(place, Kind.UNKNOWN, what, f"{kind.name} has no value {place.text!r}.", kind.values)
        elif known.deprecation_reason is not None:
            yield misfit(place, Kind.DEPRECATED, what, f"{what} is deprecated: {known.deprecation_reason}")


def _of_value(error: GraphQLError) -> Kind:
    """What is wrong with a literal: told by the part of it that the error points at."""
    match error.nodes[0] if error.nodes else None:
        case ObjectValueNode():
            return Kind.MISSING
        case ObjectFieldNode() | EnumValueNode():
            return Kind.UNKNOWN
    return Kind.MISMATCH


def _as_misfit(error: GraphQLError, kind: Kind) -> Misfit:
    node = error.nodes[0] if error.nodes else None
    name = getattr(getattr(node, "name", None), "value", "") or getattr(node, "value", "") or ""
    place = node.loc if node is not None else None
    if place is None:
        return Misfit("", 0, kind, str(name), error.message)
    line = error.locations[0].line if error.locations else 1
    return Misfit(place.source.name, line, kind, str(name), error.message)
