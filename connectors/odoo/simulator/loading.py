"""Odoo's import (`load`): rows of text, external ids, and lines below a record. All of it happens, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from connectors.odoo.simulator.errors import OdooError, value_error

if TYPE_CHECKING:
    from connectors.odoo.simulator.orm import Field, Model, Row

FORMAT = "%Y-%m-%d %H:%M:%S"
SERIALIZE = "could not serialize access due to concurrent update\n"


class _Problem(Exception):
    """A cell that cannot be imported."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def load(model: Model, fields: list[str], data: list[list[str]]) -> Row:
    """``{ids, messages}``: ids is false when anything was wrong, and then nothing was changed."""
    for path in fields:
        head = path.split("/")[0]
        if head not in ("id", ".id") and head not in model.known:
            raise value_error(f"Invalid field name {head!r}")
    if model.env.contended:
        model.env.contended -= 1
        busy = {"rows": {"from": 0, "to": len(data) - 1}, "record": 0, "type": "error", "message": SERIALIZE}
        return {"ids": False, "messages": [busy], "nextrow": 0}
    mark = len(model.env.undo_list)
    ids: list[int] = []
    try:
        ids.extend(_one(model, fields, block) for block in _blocks(model, fields, data))
    except (_Problem, OdooError) as problem:
        while len(model.env.undo_list) > mark:
            model.env.undo_list.pop()()
        message: Row = {"rows": {"from": 0, "to": len(data) - 1}, "record": 0, "type": "error", "message": str(problem)}
        if isinstance(problem, _Problem):
            message["field"] = problem.field
        else:
            message["message"] = message["message"].removeprefix("The operation cannot be completed: ")
        return {"ids": False, "messages": [message], "nextrow": 0}
    return {"ids": ids, "messages": [], "nextrow": 0}


def _blocks(model: Model, fields: list[str], data: list[list[str]]) -> list[list[list[str]]]:
    """Rows whose own cells are all empty continue the record above them with another line."""
    own = [index for index, path in enumerate(fields) if not _is_line(model, path)]
    blocks: list[list[list[str]]] = []
    for row in data:
        if blocks and not any(row[index] for index in own):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _is_line(model: Model, path: str) -> bool:
    field = model.known.get(path.split("/", maxsplit=1)[0])
    return field is not None and field.type == "one2many"


def _one(model: Model, fields: list[str], block: list[list[str]]) -> int:
    vals: Row = {}
    external, dbid = "", 0
    children: dict[str, list[tuple[int, str]]] = {}
    for index, path in enumerate(fields):
        head, _, rest = path.partition("/")
        if path == "id":
            external = block[0][index]
        elif path == ".id":
            dbid = _database_id(model, block[0][index])
        elif model.known[head].type == "one2many":
            children.setdefault(head, []).append((index, rest))
        else:
            vals[head] = _cell(model.known[head], head, rest, block[0][index], model)
    row = _known(model, external, dbid)
    if row is not None and external and _kept(model, external):
        return int(row["id"])
    if row is None:
        row = model.insert(vals)
    else:
        model.change(row, vals)
    if external:
        _name(model, external, row["id"])
    for head, columns in children.items():
        field = model.known[head]
        child = model.env[field.relation]
        for cells in block:
            line = [cells[index] for index, _ in columns]
            if any(line):
                _line(child, field.inverse, row["id"], [name for _, name in columns], line)
    return int(row["id"])


def _line(child: Model, inverse: str, parent: int, names: list[str], cells: list[str]) -> None:
    vals: Row = {inverse: parent}
    external = ""
    for name, cell in zip(names, cells, strict=True):
        head, _, rest = name.partition("/")
        if name == "id":
            external = cell
        else:
            vals[head] = _cell(child.known[head], head, rest, cell, child)
    row = _known(child, external, 0)
    if row is None:
        row = child.insert(vals)
    else:
        child.change(row, vals)
    if external:
        _name(child, external, row["id"])


def _cell(field: Field, name: str, rest: str, cell: str, model: Model) -> Any:
    if cell == "":
        return [[6, 0, []]] if field.type == "many2many" else False
    if field.type in ("many2one", "many2many"):
        target = model.env[field.relation]
        ids = (
            [int(part) for part in cell.split(",")]
            if rest == ".id"
            else [_by_name(model, part) for part in cell.split(",")]
        )
        for id_ in ids:
            if id_ not in target.rows:
                raise _Problem(
                    name, f"No matching record found for database id '{id_}' in field '{field.label or name}'"
                )
        return ids[0] if field.type == "many2one" else [[6, 0, ids]]
    if field.type in ("float", "monetary", "integer"):
        try:
            return Decimal(cell)
        except InvalidOperation:
            raise _Problem(name, f"'{cell}' does not seem to be a number for field '{field.label or name}'") from None
    if field.type == "boolean":
        return cell.lower() in ("1", "true", "yes")
    if field.type == "datetime":
        return datetime.strptime(cell, FORMAT).replace(tzinfo=UTC)
    return cell


def _database_id(model: Model, cell: str) -> int:
    if not cell:
        return 0
    if int(cell) not in model.rows:
        raise _Problem(".id", f"Unknown database identifier '{cell}'")
    return int(cell)


def _known(model: Model, external: str, dbid: int) -> Row | None:
    if dbid:
        return model.rows[dbid]
    return model.rows.get(_by_name(model, external)) if external else None


def _by_name(model: Model, external: str) -> int:
    named = _named(model, external)
    return int(named["res_id"]) if named else 0


def _named(model: Model, external: str) -> Row | None:
    module, _, name = external.partition(".")
    rows: dict[int, Row] = model.env["ir.model.data"].rows
    return next((row for row in rows.values() if row["module"] == module and row["name"] == name), None)


def _kept(model: Model, external: str) -> bool:
    """Was the record made with noupdate, and is it imported in the mode in which Odoo leaves such records as they are?"""
    named = _named(model, external)
    return model.env.context.get("mode") == "update" and named is not None and bool(named["noupdate"])


def _name(model: Model, external: str, id_: int) -> None:
    """The external id, unique by module and name: what makes repeating an import harmless. That of a deleted record is taken over."""
    named = _named(model, external)
    if named is not None and named["res_id"] == id_:
        return
    if named is not None:
        model.env["ir.model.data"].drop(named)
    module, _, name = external.partition(".")
    values = {"module": module, "name": name, "model": model.name, "res_id": id_}
    model.env["ir.model.data"].insert({**values, "noupdate": bool(model.env.context.get("noupdate"))})
