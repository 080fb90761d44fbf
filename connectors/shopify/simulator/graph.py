"""GraphQL over the simulated shop: the schema, how its fields are read from the state, connections, searches, and what a query costs."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from importlib import resources
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    build_schema,
    get_named_type,
    parse,
    validate,
)

from connectors.shopify.simulator.model import stamp

_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")
_TERM = re.compile(r"""(\w+):(>=|<=|>|<)?('[^']*'|"(?:\\.|[^"\\])*"|[^\s]+)|\b(OR)\b""")
LARGEST_PAGE = 250
LONGEST_INPUT = 250
COST_LIMIT = 1000


@cache
def schema() -> GraphQLSchema:
    """The schema of the simulated API: what the vendor's has, in the files of the folder ``schema``."""
    files = resources.files(__package__).joinpath("schema").iterdir()
    texts = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".graphql")]
    return build_schema("\n".join(sorted(texts)))


@cache
def checked(query: str) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    """A document and what is wrong with it; each text is looked at once."""
    document = parse(query)
    return document, tuple(validate(schema(), document))


@cache
def snake(name: str) -> str:
    """A field's name as the state spells it."""
    return _CAMEL.sub("_", name).lower()


def text_amount(value: Decimal) -> str:
    """An amount as GraphQL writes it: no needless zeros, and one digit after the point at least."""
    text = format(value.normalize(), "f")
    return text if "." in text else f"{text}.0"


def plain(value: Any) -> Any:
    """Times and amounts as the API writes them."""
    if isinstance(value, datetime):
        return stamp(value)
    return value


def bag(value: Decimal | None, currency: str) -> dict[str, Any] | None:
    """A MoneyBag; the simulated shop sells in one currency."""
    if value is None:
        return None
    money = {"__typename": "MoneyV2", "amount": text_amount(value), "currencyCode": currency}
    return {"shopMoney": money, "presentmentMoney": money}


# --- connections


def connection(
    items: Iterable[Any],
    first: int | None,
    after: str | None = None,
    key: Callable[[Any], Any] | None = None,
    *,
    endless: bool = False,
) -> dict[str, Any]:
    """One page of ``items``. With ``key``, a cursor stands for a place in the order of keys, and so stays right when items move."""
    if endless:
        first = sys.maxsize
    if first is None:
        raise GraphQLError("you must provide one of first or last")
    if first > LARGEST_PAGE and not endless:
        raise GraphQLError(f"first cannot exceed {LARGEST_PAGE}")
    rows = list(items)
    places = [[*key(row)] if key else [index] for index, row in enumerate(rows)]
    if after is not None:
        seen = json.loads(base64.b64decode(after))
        kept = [(place, row) for place, row in zip(places, rows, strict=True) if place > seen]
        places, rows = [place for place, _ in kept], [row for _, row in kept]
    page = rows[:first]
    ends = (
        [base64.b64encode(json.dumps(places[index]).encode()).decode() for index in (0, len(page) - 1)]
        if page
        else [None, None]
    )
    return {
        "nodes": page,
        "edges": [
            {"cursor": base64.b64encode(json.dumps(place).encode()).decode(), "node": row}
            for place, row in zip(places, page, strict=False)
        ],
        "pageInfo": {
            "hasNextPage": len(rows) > first,
            "hasPreviousPage": after is not None,
            "startCursor": ends[0],
            "endCursor": ends[1],
        },
    }


# --- searches

Field = Callable[[Any], Any]


def search(items: Iterable[Any], query: str | None, fields: dict[str, Field]) -> list[Any]:
    """The items that fit a search: terms that all must fit, or, with OR between them, one of them.

    Text is matched as the vendor's index does: without case, and a part of the text is enough.
    """
    found = list(items)
    if not query:
        return found
    choices: list[list[Callable[[Any], bool]]] = [[]]
    for name, operator, raw, other in _TERM.findall(query):
        if other:
            choices.append([])
            continue
        if name not in fields:
            raise GraphQLError(f"Invalid search field: {name}")
        wanted = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw[:1] in "'\"" else raw
        choices[-1].append(partial(_term, fields[name], operator, wanted))
    return [item for item in found if any(all(fits(item) for fits in terms) for terms in choices)]


def _term(read: Field, operator: str, wanted: str, item: Any) -> bool:
    return _fits(read(item), operator, wanted)


def _fits(value: Any, operator: str, wanted: str) -> bool:
    if isinstance(value, datetime):
        moment = datetime.fromisoformat(wanted)
        return {
            ">=": value >= moment,
            "<=": value <= moment,
            ">": value > moment,
            "<": value < moment,
            "": value == moment,
        }[operator]
    return wanted.casefold() in str(value or "").casefold()


# --- costs


def cost(document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> int:
    """What a query asks for, in points.

    The vendor's rule: an object costs 1, scalars 0, a mutation 10, a connection what its page size asks for. That last part is not
    published. Published answers (a page of 250 with two objects each: 25 points; 10 rich lines: 43, 3 of them: 23) fit a cost that
    grows with about the 0.45th power of the page size, and that is what is taken here.
    """
    fragments = {found.name.value: found for found in document.definitions if isinstance(found, FragmentDefinitionNode)}
    root = schema().mutation_type if operation.operation.value == "mutation" else schema().query_type
    assert root is not None
    total = _selection(operation.selection_set, root, fragments, variables)
    return max(1, round(total)) + (10 if operation.operation.value == "mutation" else 0)


def _selection(
    selections: SelectionSetNode, parent: Any, fragments: dict[str, FragmentDefinitionNode], variables: Any
) -> float:
    total = 0.0
    for node in selections.selections:
        if isinstance(node, FieldNode):
            total += _field(node, parent, fragments, variables)
            continue
        inner: Any = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        on = inner.type_condition.name.value if inner.type_condition else parent.name
        total += _selection(inner.selection_set, schema().type_map[on], fragments, variables)
    return total


def _field(node: FieldNode, parent: Any, fragments: dict[str, FragmentDefinitionNode], variables: Any) -> float:
    if node.selection_set is None or node.name.value.startswith("__"):
        return 0.0
    kind = get_named_type(parent.fields[node.name.value].type)
    inside = _selection(node.selection_set, kind, fragments, variables)
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    if isinstance(ids := given.get("ids"), VariableNode):
        return len(variables.get(ids.name.value) or ()) * (1.0 + inside)
    page = given.get("first")
    if page is None:
        return inside + (0.0 if node.name.value in {"nodes", "pageInfo"} else 1.0)
    size = variables.get(page.name.value, 0) if isinstance(page, VariableNode) else getattr(page, "value", 0)
    grown: float = float(size) ** 0.45
    return 2.0 + (1.0 + inside) * grown


def longest(value: Any) -> int:
    """The length of the longest list in what was given."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([len(value) if isinstance(value, list) else 0, *(longest(one) for one in inner)])


# --- fields

Resolver = Callable[..., Any]


def resolver(tables: dict[str, Resolver]) -> Resolver:
    """Read a field: from ``tables`` ("Type.field") where it has a function there, else from the state under its own name."""

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        made = tables.get(f"{info.parent_type.name}.{info.field_name}")
        if made is not None:
            return plain(made(source, info, **arguments))
        if isinstance(source, dict):
            return plain(source.get(info.field_name))
        return plain(getattr(source, snake(info.field_name)))

    return resolve


def type_of(value: Any, *_: Any) -> str:
    """The GraphQL type of a value where an interface or a union leaves it open."""
    return str(value["__typename"] if isinstance(value, dict) else getattr(value, "typename", type(value).__name__))
