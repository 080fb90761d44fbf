"""The exceptions that a simulated method raises, by the names that Odoo sends."""

from __future__ import annotations

from typing import Any

_STATUS = {
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.AccessDenied": 403,
    "odoo.exceptions.MissingError": 404,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.BadRequest": 400,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}


class OdooError(Exception):
    """An exception inside Odoo: everything that its transaction did is undone."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The status that JSON-2 answers with. JSON-RPC answers 200 in every case."""
        return _STATUS.get(self.name, 500)

    def body(self) -> dict[str, Any]:
        """The error as Odoo serialises it, traceback included."""
        arguments: list[Any] = [self.message]
        if self.name.startswith("werkzeug."):
            arguments.append(self.status)
        debug = f'Traceback (most recent call last):\n  File "/usr/lib/python3/dist-packages/odoo/http.py"\n{self.name}: {self.message}\n'
        return {"name": self.name, "message": self.message, "arguments": arguments, "context": {}, "debug": debug}


def user_error(message: str) -> OdooError:
    """A refusal meant for a person."""
    return OdooError("odoo.exceptions.UserError", message)


def validation_error(message: str) -> OdooError:
    """A broken constraint."""
    return OdooError("odoo.exceptions.ValidationError", message)


def value_error(message: str) -> OdooError:
    """A caller's mistake that Odoo does not catch, such as an unknown field."""
    return OdooError("builtins.ValueError", message)


def missing_error(model: str, id_: int) -> OdooError:
    """A record that is not there (any more)."""
    return OdooError(
        "odoo.exceptions.MissingError",
        f"Record does not exist or has been deleted.\n(Record: {model}({id_},), User: 2)",
    )
