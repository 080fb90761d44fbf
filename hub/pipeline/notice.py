"""Notices: messages which only say that a record changed. The record itself is read at its system before it is translated.

Reading is a network call, and the inbox is worked off in batches that must not wait for it: a call that takes longer than a moment goes
on in its thread, its message is put back, and the next batch that claims the message finds the answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import replace

from hub.canonical.reasons import reason
from hub.errors import AuthFailed, ConfigError, HubError, OutcomeUnknown, RateLimited, RetryLater
from hub.pipeline.accept import as_new_message
from hub.pipeline.context import Context
from hub.pipeline.inbound import trouble_of
from hub.sdk.records import RawMessage
from hub.store import ClaimedMessage, Finished, Step, Store
from hub.store.archive import sha_of

PATIENCE = 0.3
"""Seconds that a batch waits for its reads; most have their answer by then."""
LOOK_AGAIN = 0.5
WHILE_CLOSED = 5.0
LONGEST_DELAY = 300.0
OLDEST_READ = 60.0
APPEARS_WITHIN = 60.0
"""Seconds in which a record may still be missing: systems tell of what their own reading does not show yet."""


class Notices:
    """Reads what notices speak of. ``streams`` maps (connection, stream of notices) to the stream that is read."""

    def __init__(self, streams: Mapping[tuple[str, str], str], executor: Executor) -> None:
        self._streams = dict(streams)
        self._executor = executor
        self._reads: dict[int, tuple[float, Future[RawMessage | None]]] = {}

    def read(
        self, store: Store, context: Context, claimed: Sequence[ClaimedMessage]
    ) -> tuple[list[ClaimedMessage], list[Finished]]:
        """The messages to process, notices replaced by what they speak of; and those that are put back or end here."""
        notices = [message for message in claimed if (message.connection, message.stream) in self._streams]
        if not notices:
            return list(claimed), []
        now, states = store.now(), store.connection_states()
        shut = {name: left for name, state in states.items() if (left := state.closed_for(now, WHILE_CLOSED))}
        finished = [_back(one, shut[one.connection]) for one in notices if one.connection in shut]
        reading = [one for one in notices if one.connection not in shut]
        reads = {one.id: self._begun(context, one) for one in reading}
        wait(reads.values(), timeout=PATIENCE)
        ready = {one.id: one for one in claimed if (one.connection, one.stream) not in self._streams}
        for one in reading:
            if not reads[one.id].done():
                finished.append(_back(one, LOOK_AGAIN))
                continue
            self._reads.pop(one.id, None)
            outcome = self._outcome(store, context, one, reads[one.id])
            if isinstance(outcome, Finished):
                finished.append(outcome)
            else:
                ready[one.id] = outcome
        return [ready[message.id] for message in claimed if message.id in ready], finished

    def _begun(self, context: Context, message: ClaimedMessage) -> Future[RawMessage | None]:
        """The read of this message: the one under way, or a new one. What another process took over is forgotten in time."""
        now = time.monotonic()
        self._reads = {key: one for key, one in self._reads.items() if now - one[0] < OLDEST_READ}
        if message.id not in self._reads:
            self._reads[message.id] = (now, self._executor.submit(self._fetch, context, message))
        return self._reads[message.id][1]

    def _fetch(self, context: Context, message: ClaimedMessage) -> RawMessage | None:
        stream = self._streams[message.connection, message.stream]
        return context.connector(message.connection).fetch(stream, message.external_id)

    def _outcome(
        self, store: Store, context: Context, message: ClaimedMessage, read: Future[RawMessage | None]
    ) -> ClaimedMessage | Finished:
        age = message.claimed_at - message.received_at
        try:
            found = read.result()
        except (RetryLater, OutcomeUnknown, AuthFailed, ConfigError) as error:
            _share(store, message.connection, error)
            if age < context.retry_for:
                return _back(message, max(_delay(age), getattr(error, "after", None) or 0.0), error)
            return _stopped(message, HubError(error.message, code="CON-RETRIES", fix=reason("CON-RETRIES").fix))
        except Exception as error:  # noqa: BLE001 - whatever a connector does, it harms this message only
            return _stopped(message, error)
        if found is not None:
            return _record(message, found)
        if age < APPEARS_WITHIN:
            return _back(message, _delay(age))
        said = "the record that the notice speaks of is not there"
        steps = [Step("fetch", "none", "FLT-GONE", said, before=message.payload)]
        return Finished(message.id, message.epoch, "filtered", "FLT-GONE", steps=steps)


def _record(message: ClaimedMessage, found: RawMessage) -> ClaimedMessage:
    """The message as if the record itself had come; the trace keeps both."""
    new = as_new_message(message.connection, found)
    step = Step(
        "fetch", "ok", detail=f"read {found.stream} {found.external_id}", before=message.payload, after=new.body
    )
    return replace(
        message,
        stream=found.stream,
        external_id=found.external_id,
        source_version=found.source_version,
        deleted=found.deleted,
        body=new.body,
        payload=sha_of(new.body),
        steps=(step,),
    )


def _delay(age: float) -> float:
    """Half as long again as it has been waiting, from a second to five minutes."""
    return min(LONGEST_DELAY, max(1.0, age / 2))


def _share(store: Store, connection: str, error: HubError) -> None:
    """Tell the other workers what this call has shown."""
    if isinstance(error, AuthFailed):
        store.pause(connection, error.code, error.message)
    elif isinstance(error, RateLimited):
        store.hold_rate(connection, error.after or WHILE_CLOSED)
    elif not isinstance(error, ConfigError):
        store.note_calls(connection, bad=1)


def _back(message: ClaimedMessage, due_in: float, error: HubError | None = None) -> Finished:
    steps = []
    if error is not None:
        steps = [Step("fetch", "retry", error.code, f"again in {due_in:.1f} s: {error.message}")]
    return Finished(message.id, message.epoch, "new", error.code if error else "", steps=steps, due_in=due_in)


def _stopped(message: ClaimedMessage, error: Exception) -> Finished:
    trouble = trouble_of(error, message=message.id)
    steps = [Step("fetch", "failed", trouble.code, trouble.detail)]
    return Finished(message.id, message.epoch, "exception", trouble.code, trouble=trouble, steps=steps)
