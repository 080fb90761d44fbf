"""The one tree of errors, classed by what happens next.

HubError                       anything the hub says on purpose: a code, one sentence, what to do next
  ConfigError                  the operator must mend a file or a setting; exit code 2
  MappingError                 a mapping cannot translate this record; the analyst mends the mapping or the record
    LinkMissing                a record that this one refers to is not known at the other side yet: wait, or look it up
  InputRefused                 a request from outside is refused before anything is stored (4xx)
    Unauthenticated            its signature, token or time stamp is wrong (401)
  DeliveryError                a call to a connected system did not succeed
    RetryLater                 try again by the hub's schedule
      RateLimited              the system named its pace; try again after it
      Unreachable              no connection was made, so nothing was sent
    Rejected                   the system understood and said no: park it as an exception, never repeat it unchanged
    AuthFailed                 the connection's credentials do not work: pause the connection, keep its deliveries
    OutcomeUnknown             sent, and no clear answer: look the effect up before anything is sent again
    Duplicate                  the effect is already there: counts as success
  Unsupported                  the connector says that it cannot do this, and why
  StoreError                   the database does not answer, or answers wrongly

Every error is one sentence for a person, a stable ``code`` from :mod:`hub.canonical.reasons` or of the form ``AREA-NAME``,
and ``fix``: what to do next. ``where`` names file:line, record or field. A traceback is never part of it.
"""

from __future__ import annotations

from typing import Any


class HubError(Exception):
    """Something the hub says on purpose. ``str(error)`` is safe to show and to log: no secrets, no personal data."""

    default_code = "HUB-ERROR"

    def __init__(self, message: str, *, code: str | None = None, fix: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fix = fix
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        todo = f" {self.fix}" if self.fix else ""
        return f"{place}{self.code}: {self.message}{todo}"

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON data: ``code``, ``message``, ``fix`` and ``where``, the last two only when they are known."""
        said = {"code": self.code, "message": self.message, "fix": self.fix, "where": self.where}
        return {name: value for name, value in said.items() if value}


class ConfigError(HubError):
    """A file or a setting must be mended before the hub can go on. The command line ends with exit code 2."""

    default_code = "CFG-INVALID"


class MappingError(HubError):
    """A mapping cannot be compiled, or cannot translate this record."""

    default_code = "MAP-EXPR"


class LinkMissing(MappingError):
    """The record that this one refers to has no external id at the connection yet.

    ``missing`` lists every absent link as ``(entity, key)``, so that one round of look-ups can fill them all.
    """

    default_code = "XREF-MISSING"

    def __init__(self, message: str, *, missing: list[Any], **said: Any) -> None:
        super().__init__(message, **said)
        self.missing = missing


class InputRefused(HubError):
    """A request from outside is refused before anything is stored. ``status`` is the HTTP status to answer with."""

    default_code = "IN-MALFORMED"

    def __init__(self, message: str, *, status: int = 400, **said: Any) -> None:
        super().__init__(message, **said)
        self.status = status


class Unauthenticated(InputRefused):
    """The signature, token or time stamp of a request is missing or wrong."""

    default_code = "IN-UNAUTHENTICATED"

    def __init__(self, message: str, **said: Any) -> None:
        super().__init__(message, status=401, **said)


class DeliveryError(HubError):
    """A call to a connected system did not succeed."""

    default_code = "CON-DOWN"


class RetryLater(DeliveryError):
    """The call may work later, and surely had no effect. ``after`` is the least number of seconds to wait, if known."""

    def __init__(self, message: str, *, after: float | None = None, **said: Any) -> None:
        super().__init__(message, **said)
        self.after = after


class RateLimited(RetryLater):
    """The system asks for a slower pace. The delivery waits; it does not count as a failed attempt."""

    default_code = "CON-RATE"


class Unreachable(RetryLater):
    """No connection was made, so nothing can have been sent."""

    default_code = "CON-DOWN"


class Rejected(DeliveryError):
    """The system understood the request and said no. It is parked as an exception and never repeated unchanged."""

    default_code = "CON-REJECTED"


class AuthFailed(DeliveryError):
    """The credentials or the scopes do not suffice. The connection pauses; its deliveries wait."""

    default_code = "CON-AUTH"


class OutcomeUnknown(DeliveryError):
    """The request was sent, or may have been, and no clear answer came. The effect is looked up before any repeat."""

    default_code = "CON-UNCERTAIN"


class Duplicate(DeliveryError):
    """The effect is already there. ``external_id`` names it; the delivery counts as done."""

    default_code = "DUP-EVENT"

    def __init__(self, message: str, *, external_id: str, **said: Any) -> None:
        super().__init__(message, **said)
        self.external_id = external_id


class Unsupported(HubError):
    """The connector cannot do this, and says why."""

    default_code = "CON-UNSUPPORTED"


class StoreError(HubError):
    """The database does not answer, or holds what it must not hold."""

    default_code = "STO-DOWN"
