"""The only network write: look an uncertain effect up first, then send, and class what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from hub.errors import (
    AuthFailed,
    Duplicate,
    HubError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    Unreachable,
    Unsupported,
)
from hub.pipeline.settle import Ending
from hub.sdk.connector import Connector
from hub.sdk.http import Leave
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.store import Trouble
from hub.telemetry import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class Outcome:
    """How a try ended, with what the target said, and the HTTP calls that were made."""

    ending: Ending
    result: DeliverResult | None = None
    code: str = ""
    detail: str = ""
    fix: str = ""
    where: str = ""
    after: float | None = None
    looked_up: bool = False
    """The look-up found no effect: whatever an earlier try did, it did not do this."""
    exchanges: Sequence[Any] = ()

    @property
    def trouble(self) -> Trouble:
        """The outcome as an exception of the desk."""
        return Trouble(self.code, self.detail, self.fix, self.where)


def deliver(connector: Connector[Any], record: OutboundRecord, may_send: Callable[[], bool]) -> Outcome:
    """One try. ``may_send`` is asked immediately before anything is sent: is there time left under the lease? Never raises."""
    with _at_work(connector, may_send) as (exchanges, leave):
        outcome = _try(connector, record, may_send)
    if leave.refused and not leave.wrote:
        outcome = Outcome(Ending.UNSENT, looked_up=outcome.looked_up)
    return replace(outcome, exchanges=tuple(exchanges))


@contextmanager
def _at_work(connector: Connector[Any], may_send: Callable[[], bool]) -> Iterator[tuple[Sequence[Any], Leave]]:
    """Record the calls of a delivery, and hold back its writes when its time is over."""
    http = getattr(connector.io, "http", None)
    if http is None:
        yield [], Leave(may_send)
        return
    with http.recording() as exchanges, http.leave(may_send) as leave:
        yield exchanges, leave


def deliver_many(
    connector: Connector[Any], records: Sequence[OutboundRecord], may_send: Callable[[], bool]
) -> list[Outcome]:
    """One try of several writes of a stream, together: an outcome for each, in order. Never raises."""
    with _at_work(connector, may_send) as (exchanges, leave):
        try:
            said = list(connector.deliver_many(records))
            if len(said) != len(records):
                raise RuntimeError(f"deliver_many told {len(said)} outcomes of {len(records)} writes")
        except Exception as error:  # noqa: BLE001 - a connector's own fault must not harm others
            said = [error] * len(records)  # type: ignore[list-item]
    if leave.refused and not leave.wrote:
        return [Outcome(Ending.UNSENT, exchanges=tuple(exchanges)) for _ in records]
    # The calls were made for all of them; equal texts are stored once.
    return [replace(_outcome_of(one), exchanges=tuple(exchanges)) for one in said]


def _outcome_of(said: DeliverResult | Exception) -> Outcome:
    if isinstance(said, DeliverResult):
        return Outcome(Ending.DONE, said)
    if isinstance(said, Duplicate):
        return Outcome(Ending.ADOPTED, DeliverResult(said.external_id, "adopted"), detail=said.message)
    return classed(said)


def _try(connector: Connector[Any], record: OutboundRecord, may_send: Callable[[], bool]) -> Outcome:
    looked_up = False
    if record.maybe_sent:
        found = look_up(connector, record, may_send)
        if found is not None:
            return found
        looked_up = True
    if not may_send():
        return Outcome(Ending.UNSENT, looked_up=looked_up)
    try:
        return Outcome(Ending.DONE, connector.deliver(record), looked_up=looked_up)
    except Duplicate as error:
        return Outcome(Ending.ADOPTED, DeliverResult(error.external_id, "adopted"), detail=error.message)
    except Exception as error:  # noqa: BLE001 - a connector's own fault must not harm others
        return classed(error, looked_up=looked_up)


def look_up(connector: Connector[Any], record: OutboundRecord, may_send: Callable[[], bool]) -> Outcome | None:
    """Did an earlier try take effect? None = no, so it may be sent."""
    if not may_send():
        return Outcome(Ending.UNSENT)
    try:
        found = connector.find_effect(record)
    except Unsupported:
        if record.operation == "update" and record.external_id:
            return None  # absolute values on a known record: the same write again changes nothing
        return Outcome(
            Ending.ASK, code="CON-OUTCOME", detail="it may have been sent, and the connector cannot look it up"
        )
    except (AuthFailed, RateLimited, Rejected) as error:
        return classed(error)
    except HubError as error:
        return Outcome(Ending.LOOKUP_FAILED, code=error.code, detail=error.message, after=getattr(error, "after", None))
    except Exception as error:  # noqa: BLE001
        return classed(error)
    return Outcome(Ending.ADOPTED, found) if found is not None else None


def classed(error: Exception, *, looked_up: bool = False) -> Outcome:
    """What an error of a connector means for the delivery."""
    if not isinstance(error, HubError):
        log.error("deliver.bug", code="HUB-BUG", error=type(error).__name__, exc_info=error)
        return Outcome(
            Ending.BUG, code="HUB-BUG", detail=f"{type(error).__name__} in the connector", looked_up=looked_up
        )
    said: dict[str, Any] = {
        "code": error.code,
        "detail": error.message,
        "fix": error.fix,
        "where": error.where,
        "looked_up": looked_up,
    }
    match error:
        case OutcomeUnknown():
            return Outcome(Ending.UNKNOWN, **{**said, "looked_up": False})
        case RateLimited():
            return Outcome(Ending.RATE, after=error.after, **said)
        case Unreachable():
            return Outcome(Ending.UNREACHABLE, after=error.after, **said)
        case RetryLater():
            return Outcome(Ending.RETRY, after=error.after, **said)
        case AuthFailed():
            return Outcome(Ending.AUTH, **said)
        case _:  # Rejected, Unsupported, a mapping or configuration fault found late
            return Outcome(Ending.REJECTED, **said)
