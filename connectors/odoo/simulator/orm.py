"""A small Odoo ORM: models with fields, domains, and transactions that are undone as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from connectors.odoo.simulator.domains import compiled, mentions
from connectors.odoo.simulator.errors import OdooError, missing_error, validation_error, value_error

Row = dict[str, Any]
FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its Odoo type, and where it leads for relations. ``compute`` names the method that works its value out."""

    type: str = "char"
    relation: str = ""
    inverse: str = ""
    required: bool = False
    default: Any = None
    compute: str = ""
    label: str = ""


F = TypeVar("F", bound=Callable[..., Any])


def rpc(method: F) -> F:
    """Mark a method as one that can be called from outside."""
    method.remote = True  # type: ignore[attr-defined]
    return method


def char(**more: Any) -> Field:
    """A text field."""
    return Field("char", **more)


def number(type_: str = "float", **more: Any) -> Field:
    """A number field."""
    return Field(type_, **{"default": Decimal(0), **more})


def flag(default: bool = False, **more: Any) -> Field:
    """A yes-or-no field."""
    return Field("boolean", default=default, **more)


def moment(**more: Any) -> Field:
    """A datetime field."""
    return Field("datetime", **more)


def one(relation: str, **more: Any) -> Field:
    """A many2one field."""
    return Field("many2one", relation, **more)


def many(relation: str, inverse: str = "", **more: Any) -> Field:
    """A one2many field where an inverse is named, else a many2many field."""
    return Field("one2many" if inverse else "many2many", relation, inverse, **more)


class Env:
    """One database: its models, the time of the running transaction, and its undo list."""

    def __init__(self, now: Callable[[], datetime], version: int, modules: set[str]) -> None:
        self.version = version
        self.modules = modules
        self.models: dict[str, Model] = {}
        self.context: Row = {}
        self.contended = 0
        """How many of the next loads meet another transaction at the same external id, and are undone."""
        self.printing = True
        """Is the program there by which Odoo prints?"""
        self._now = now
        self._at: datetime | None = None
        self.undo_list: list[Callable[[], object]] = []
        self._effects: list[tuple[str, int, Row]] = []
        self.tell: Callable[[str, int, Row], object] = lambda *_: None

    def __getitem__(self, name: str) -> Any:
        return self.models[name]

    def add(self, kinds: Iterable[type[Model]]) -> None:
        """Install models."""
        for kind in kinds:
            self.models[kind.name] = kind(self)

    @property
    def now(self) -> datetime:
        """The time at which the running transaction began: what Odoo writes into write_date."""
        return self._at or self._now().astimezone(UTC)

    @contextmanager
    def transaction(self, context: Row | None = None) -> Iterator[None]:
        """One call: all of it, or nothing, under one time."""
        if self._at is not None:
            yield
            return
        self._at = self._now().astimezone(UTC)
        self.undo_list, self._effects, self.context = [], [], dict(context or {})
        try:
            yield
            for kind, key, data in self._effects:
                self.tell(kind, key, data)
        except BaseException:
            for undo in reversed(self.undo_list):
                undo()
            raise
        finally:
            self._at = None
            self.context = {}

    def effect(self, kind: str, key: int, data: Row) -> None:
        """Note what the running transaction did to the outside; told only when it succeeds."""
        self._effects.append((kind, key, data))

    def forget_effects(self) -> None:
        """What the running transaction did was no request's doing."""
        self._effects.clear()

    def undoable(self, undo: Callable[[], object]) -> None:
        """Remember how to take a change back."""
        self.undo_list.append(undo)


class Model:
    """One model. Only the methods marked `rpc` can be called from outside."""

    name: ClassVar[str]
    title: ClassVar[str] = ""
    order: ClassVar[str] = "id"
    fields: ClassVar[dict[str, Field]] = {}
    rec_name: ClassVar[str] = "name"

    def __init__(self, env: Env) -> None:
        self.env = env
        self.rows: dict[int, Row] = {}
        self._next = 1
        base = {
            "id": Field("integer"),
            "display_name": char(compute="shown_as"),
            "create_date": moment(),
            "write_date": moment(),
        }
        self.known: dict[str, Field] = {**base, **self._fields()}

    def _fields(self) -> dict[str, Field]:
        return dict(self.fields)

    # --- records

    def get(self, id_: int) -> Row:
        """The row with this id."""
        row = self.rows.get(id_)
        if row is None:
            raise missing_error(self.name, id_)
        return row

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        return str(row.get(self.rec_name) or f"{self.name},{row['id']}")

    def insert(self, vals: Row) -> Row:
        """Make a record: defaults, checks, and commands of its relations."""
        self._check_names(vals)
        row: Row = {"id": self._next, "create_date": self.env.now, "write_date": self.env.now}
        for name, field in self.known.items():
            if name not in row and not field.compute and field.type != "one2many":
                row[name] = field.default() if callable(field.default) else self._empty(field)
        self._next += 1
        self.rows[row["id"]] = row
        self.env.undoable(lambda: self.rows.pop(row["id"], None))
        self._assign(row, vals)
        self._defaults(row, vals)
        for name, field in self.known.items():
            if field.required and row.get(name) in (None, False, ""):
                raise validation_error(self._required(name, field))
        self._lines(row, vals)
        self._created(row)
        return row

    def change(self, row: Row, vals: Row) -> None:
        """Change a record, and its time of change."""
        self._check_names(vals)
        before = dict(row)
        self.env.undoable(lambda: _restore(row, before))
        self._assign(row, vals)
        row["write_date"] = self.env.now
        self._lines(row, vals)
        self._written(row, before)

    def drop(self, row: Row) -> None:
        """Delete a record."""
        self.rows.pop(row["id"])
        self.env.undoable(lambda: self.rows.__setitem__(row["id"], row))

    def _defaults(self, row: Row, vals: Row) -> None:
        """What Odoo fills in by itself."""

    def _created(self, row: Row) -> None:
        """What happens after a record was made."""

    def _written(self, row: Row, before: Row) -> None:
        """What happens after a record was changed."""

    def _check_names(self, vals: Row) -> None:
        for name in vals:
            if name not in self.known:
                raise value_error(f"Invalid field {name!r} in {self.name!r}")

    def _required(self, name: str, field: Field) -> str:
        return (
            f"The operation cannot be completed: Missing required value for the field '{field.label or name}' ({name}).\n"
            f"Model: '{self.title or self.name}' ({self.name})\n- create/update: a mandatory field is not set\n"
            "- delete: another model requires the record being deleted, you can archive it instead\n"
        )

    def _empty(self, field: Field) -> Any:
        if field.default is not None:
            return field.default
        return [] if field.type == "many2many" else False

    def _assign(self, row: Row, vals: Row) -> None:
        for name, value in vals.items():
            field = self.known[name]
            if field.type != "one2many" and not (field.compute and not hasattr(self, f"_set_{name}")):
                row[name] = self._stored(field, name, value, row)

    def _stored(self, field: Field, name: str, value: Any, row: Row) -> Any:
        if value is None or value is False:
            return False if field.type not in ("float", "integer", "monetary") else Decimal(0)
        match field.type:
            case "float" | "monetary" | "integer":
                return Decimal(str(value))
            case "datetime":
                return value if isinstance(value, datetime) else datetime.strptime(value, FORMAT).replace(tzinfo=UTC)
            case "date":
                return value if isinstance(value, str) else value.isoformat()
            case "many2one":
                return self._existing(field, name, int(value))
            case "many2many":
                return self._linked(value, list(row.get(name) or []))
        return value

    def _existing(self, field: Field, name: str, id_: int) -> int:
        target = self.env.models.get(field.relation)
        if target is not None and id_ not in target.rows:
            raise validation_error(
                f"The operation cannot be completed: another model requires the record being deleted ({name}, {field.relation}({id_},))."
            )
        return id_

    def _linked(self, value: Any, now: list[int]) -> list[int]:
        for command in value:
            if isinstance(command, (int, Decimal)):
                now.append(int(command))
            elif command[0] == 6:
                now = [int(id_) for id_ in command[2]]
            elif command[0] == 4:
                now = [*now, int(command[1])]
            elif command[0] == 3:
                now = [id_ for id_ in now if id_ != int(command[1])]
            elif command[0] == 5:
                now = []
        return now

    def _lines(self, row: Row, vals: Row) -> None:
        """Carry the commands of one2many fields out: (0, 0, vals) make, (1, id, vals) change, (2, id) delete."""
        for name, value in vals.items():
            field = self.known[name]
            if field.type != "one2many":
                continue
            child = self.env[field.relation]
            for command in value or []:
                if command[0] == 0:
                    child.insert({**command[2], field.inverse: row["id"]})
                elif command[0] == 1:
                    child.change(child.get(int(command[1])), command[2])
                elif command[0] == 2:
                    child.unlink([int(command[1])])

    # --- reading

    def value(self, row: Row, name: str) -> Any:
        """A field's raw value."""
        field = self.known.get(name)
        if field is None:
            raise value_error(f"Invalid field {name!r} on {self.name!r}")
        if field.compute:
            return getattr(self, field.compute)(row)
        if field.type == "one2many":
            child = self.env[field.relation]
            return [
                r["id"]
                for r in child.sorted_rows(list(child.rows.values()), child.order)
                if r.get(field.inverse) == row["id"]
            ]
        return row.get(name, False)

    def _shown(self, row: Row, name: str) -> Any:
        """A field's value as it goes over the wire: false for nothing, ``[id, name]``, seconds without a zone."""
        value, field = self.value(row, name), self.known[name]
        if isinstance(value, datetime):
            return value.strftime(FORMAT)
        if isinstance(value, date):
            return value.isoformat()
        if field.type == "integer" and isinstance(value, Decimal):
            return int(value)
        if isinstance(value, Decimal):
            return float(value)
        if field.type == "many2one":
            target = self.env[field.relation].rows.get(value) if value else None
            return [target["id"], self.env[field.relation].shown_as(target)] if target else False
        return value

    def _record(self, row: Row, fields: list[str]) -> Row:
        names = fields or list(self.known)
        beside: Row = row.get("beside") or {}
        return {"id": row["id"], **{name: self._shown(row, name) for name in names if name != "id"}, **beside}

    def matching(self, domain: list[Any]) -> list[Row]:
        """The rows that fit, archived ones left out as in Odoo."""
        rows = list(self.rows.values())
        if "active" in self.known and self.env.context.get("active_test", True) and not mentions(domain, "active"):
            rows = [row for row in rows if row["active"]]
        companies = self.env.context.get("allowed_company_ids")
        if companies and "company_id" in self.known:  # record rules: the companies chosen, and what belongs to none
            rows = [row for row in rows if not row["company_id"] or row["company_id"] in companies]
        fits = compiled(self, domain)
        return [row for row in rows if fits(row)]

    def sorted_rows(self, rows: list[Row], order: str) -> list[Row]:
        """The rows in the order of these fields."""
        for part in reversed((order or self.order).split(",")):
            name, _, direction = part.strip().partition(" ")
            if name not in self.known:
                raise value_error(f"Invalid field {name!r} on {self.name!r}")
            rows = sorted(
                rows, key=lambda row: _sort_key(self.value(row, name)), reverse=direction.strip().lower() == "desc"
            )
        return rows

    # --- methods that can be called from outside

    @rpc
    def create(self, vals_list: Any) -> Any:
        """Make records: one id for a dict, a list for a list."""
        if isinstance(vals_list, dict):
            return self.insert(vals_list)["id"]
        return [self.insert(vals)["id"] for vals in vals_list]

    @rpc
    def write(self, ids: list[int], vals: Row) -> bool:
        """Change records."""
        for id_ in ids:
            self.change(self.get(id_), vals)
        return True

    @rpc
    def unlink(self, ids: list[int]) -> bool:
        """Delete records."""
        for id_ in ids:
            self.drop(self.get(id_))
        return True

    @rpc
    def read(self, ids: list[int], fields: list[str] | None = None) -> list[Row]:
        """Records by id. One that is not there is left out."""
        return [self._record(self.rows[id_], fields or []) for id_ in ids if id_ in self.rows]

    @rpc
    def search(
        self, domain: list[Any], offset: int = 0, limit: int | None = None, order: str | None = None
    ) -> list[int]:
        """Ids of the records that fit."""
        rows = self.sorted_rows(self.matching(domain), order or self.order)
        return [row["id"] for row in rows[int(offset) : None if limit is None else int(offset) + int(limit)]]

    @rpc
    def search_read(
        self, domain: list[Any] | None = None, fields: list[str] | None = None, offset: int = 0,
        limit: int | None = None, order: str | None = None,
    ) -> list[Row]:  # fmt: skip
        """The records that fit."""
        for name in fields or []:
            if name not in self.known:
                raise value_error(f"Invalid field {name!r} on {self.name!r}")
        return self.read(self.search(domain or [], offset, limit, order), fields)

    @rpc
    def search_count(self, domain: list[Any]) -> int:
        """How many records fit."""
        return len(self.matching(domain))

    @rpc
    def name_search(
        self, name: str = "", domain: list[Any] | None = None, operator: str = "ilike", limit: int = 100
    ) -> list[Any]:
        """Ids and names of the records whose name fits."""
        found = self.search([*(domain or []), [self.rec_name, operator, name]], limit=limit)
        return [[id_, self.shown_as(self.rows[id_])] for id_ in found]

    @rpc
    def fields_get(self, allfields: list[str] | None = None, attributes: list[str] | None = None) -> Row:
        """The model's fields."""

        def said(name: str, field: Field) -> Row:
            all_ = {
                "type": field.type,
                "string": field.label or name,
                "required": field.required,
                "relation": field.relation,
            }
            return {key: value for key, value in all_.items() if not attributes or key in attributes}

        return {name: said(name, field) for name, field in self.known.items() if not allfields or name in allfields}

    @rpc
    def get_external_id(self, ids: list[int]) -> Row:
        """The external ids of records, "" where there is none."""
        names = {
            row["res_id"]: f"{row['module']}.{row['name']}"
            for row in self.env["ir.model.data"].rows.values()
            if row["model"] == self.name
        }
        return {str(id_): names.get(id_, "") for id_ in ids}

    @rpc
    def load(self, fields: list[str], data: list[list[str]]) -> Row:
        """Import rows under external ids: what is known is updated, the rest made; all or nothing."""
        from connectors.odoo.simulator.loading import load

        return load(self, fields, data)


def _restore(row: Row, before: Row) -> None:
    row.clear()
    row.update(before)


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None or value is False:
        return (1, 0)
    return (0, value if isinstance(value, (str, int, float, Decimal, datetime)) else str(value))


__all__ = ["Env", "Field", "Model", "OdooError", "Row", "char", "flag", "many", "moment", "number", "one", "rpc"]
