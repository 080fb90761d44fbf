"""The message store: every fact of the hub, in one database. SQLite for one process, PostgreSQL for many.

Each method is one transaction, unless it says otherwise. Times that are given are durations in seconds, because only the
database's own clock counts. The methods are grouped as their modules are: inbox, outbox, desk, connections, schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hub.store import (
    archive,
    connections,
    desk,
    events,
    inbox,
    outbox,
    queries,
    reaper,
    retention,
    schedules,
    shelves,
    usage,
)
from hub.store import copy as copying
from hub.store import migrate as migrating
from hub.store.database import Database
from hub.store.notices import Notices
from hub.store.tokens import Tokens
from hub.store.work import Work

if TYPE_CHECKING:
    from hub.store.keeping import Keeping
    from hub.store.objects import Objects
    from hub.store.retention import Maintained
    from hub.store.rows import (
        Accepted,
        Backlog,
        ClaimedDelivery,
        ClaimedMessage,
        ConnectionState,
        Conservation,
        CursorMove,
        DueSchedule,
        DueTarget,
        Event,
        FeedState,
        Finished,
        Frozen,
        Link,
        NewMessage,
        Reaped,
        Record,
        Schedule,
        Settled,
        Settlement,
        TraceView,
    )
    from hub.store.shelves import Held
    from hub.store.usage import Used


class Store:
    """The message store of one installation. Safe to use from any number of threads; make one a process."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(
        cls, url: str, *, readonly: bool = False, clock: Callable[[], float] | None = None, pool: int = 16
    ) -> Store:
        """Open the database at ``url``, make or migrate its tables, and return the store.

        On SQLite the data directory is locked for this process; a second one is refused with STO-LOCKED. ``readonly`` takes no
        lock and changes nothing. ``clock`` replaces the time, for tests. Raises `StoreError`.
        """
        store = cls(Database.open(url, readonly=readonly, clock=clock, pool=pool))
        if store.database.is_sqlite and not readonly:
            reaper.clamp(store.database)
        return store

    def close(self) -> None:
        """Close all connections and give the lock back."""
        self.database.close()

    def check_version(self) -> None:
        """Ask the database for the version of its tables. Raises `StoreError` where it does not answer or they are too old."""
        with self.database.read() as connection:
            migrating.check(connection)

    def now(self) -> float:
        """The time that counts: the database's on PostgreSQL."""
        return self.database.now()

    # --- inbox: messages come in and are claimed for processing

    def accept(self, messages: Sequence[NewMessage], cursor: CursorMove | None = None) -> list[Accepted]:
        """Store messages, their payloads and the poll position. When it returns, they are on disk: only now answer 2xx."""
        return inbox.accept(self.database, messages, cursor)

    def known_messages(self, messages: Sequence[NewMessage]) -> frozenset[str]:
        """The dedupe keys of those messages that were accepted before: they would be absorbed."""
        return inbox.known_messages(self.database, messages)

    def cursor(self, connection: str, stream: str) -> dict[str, Any] | None:
        """The poll position of a stream, or none before the first poll."""
        return inbox.cursor(self.database, connection, stream)

    def due_messages(self, limit: int = 1000) -> int:
        """How many messages wait to be processed now, counted up to ``limit``."""
        return inbox.due_messages(self.database, limit)

    def claim_messages(self, limit: int = 50, lease: float = 60.0, owner: str = "") -> list[ClaimedMessage]:
        """Lease messages that are due, at most one of each object, the oldest first."""
        return inbox.claim_messages(self.database, limit, lease, owner)

    def notices(self) -> Notices:
        """Word of newly accepted messages, where the database can carry it."""
        return Notices(self.database)

    @contextmanager
    def working(self) -> Iterator[Work]:
        """One transaction of the pipeline: look records and links up under locks, then write what became of the messages."""
        with self.database.write() as connection:
            yield Work(self.database, connection)

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """Look records, links and payloads up, without locks and without writing."""
        with self.database.read() as connection:
            yield Work(self.database, connection)

    def finish_messages(self, batch: Sequence[Finished]) -> frozenset[str]:
        """Write what became of claimed messages; those whose lease was lost are left out. Returns targets with new deliveries."""
        with self.working() as work:
            return work.finish(batch).targets

    # --- outbox: deliveries go out

    def due_targets(self, limit: int = 1000) -> list[DueTarget]:
        """The connections that have deliveries due now and may be called: not paused, breaker not open."""
        return outbox.due_targets(self.database, limit)

    def next_due(self) -> float | None:
        """Seconds until the next message, delivery or schedule becomes due; none when nothing waits for time."""
        return outbox.next_due(self.database)

    def mark_published(self, names: Collection[str]) -> None:
        """Note that wake-ups for these connections were published now (see `unpublished`)."""
        outbox.mark_published(self.database, names)

    def unpublished(self, older_than: float = 30.0) -> list[DueTarget]:
        """`due_targets` without those whose wake-up was published less than ``older_than`` seconds ago."""
        return outbox.due_targets(self.database, 1000, older_than)

    def claim_deliveries(
        self, target: str | None = None, limit: int = 20, lease: float = 60.0, owner: str = ""
    ) -> list[ClaimedDelivery]:
        """Lease deliveries that are due, only the first of each lane, the oldest first. Counts the attempt before it is made."""
        return outbox.claim_deliveries(self.database, target, limit, lease, owner)

    def freeze_requests(self, frozen: Sequence[Frozen]) -> frozenset[int]:
        """Put rendered requests on disk before they are sent. Returns the ids that this worker still holds: send only those."""
        return outbox.freeze_requests(self.database, frozen)

    def settle_deliveries(self, settlements: Sequence[Settlement], answered: Collection[str] = ()) -> Settled:
        """Write outcomes, links, attempts, steps and exceptions; wake what waited for the links. Fenced by the epoch.

        ``answered`` names targets that have shown to be up: their breakers close.
        """
        return outbox.settle_deliveries(self.database, settlements, answered)

    def extend_leases(self, ids: Sequence[tuple[int, int]], lease: float = 60.0) -> frozenset[int]:
        """Prolong the leases of deliveries given as (id, epoch). Returns the ids that this worker still holds."""
        return outbox.extend_leases(self.database, ids, lease)

    def give_back(self, owner: str, settle: float | None = None) -> int:
        """Return the leases of a worker that stops. Returns how many.

        Where a call hangs, give ``settle``: what may have been sent is looked up after so many seconds, and whatever that call
        still brings is fenced off.
        """
        return reaper.give_back(self.database, owner, settle)

    def reap(self, settle: float = 30.0) -> Reaped:
        """Return expired leases to the queue (as maybe sent, after ``settle`` seconds), park repeated crashes, end waits."""
        return reaper.reap(self.database, settle)

    def recover(self, settle: float = 30.0) -> Reaped:
        """At the start of the only process: every lease is dead, of deliveries and of schedules, so end them all at once."""
        schedules.recover(self.database)
        return reaper.reap(self.database, settle, everything=True)

    # --- records and links

    def links(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Link]:
        """The links of (entity, connection, external id)."""
        with self.reading() as work:
            return work.links(keys)

    def links_of(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        """The links of (record id, connection)."""
        with self.reading() as work:
            return work.links_of(keys)

    def links_by_natural_key(self, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Link]:
        """The links of (entity, connection, natural key)."""
        with self.reading() as work:
            return work.links_by_natural_key(keys)

    def bind_links(self, links: Sequence[Link]) -> frozenset[str]:
        """Store links that were looked up or given by hand, and wake what waited for them. Returns targets with more to do."""
        with self.working() as work:
            return work.bind(links)

    def record(self, record_id: str) -> Record | None:
        """A canonical record as it is now."""
        with self.reading() as work:
            return work.records([record_id]).get(record_id)

    def payloads(self, shas: Collection[str]) -> dict[str, bytes]:
        """Archived payloads by their sha256; what retention has dropped is left out. They may come from the object store."""
        with self.database.read() as connection:
            return archive.fetch(self.database, connection, shas)

    def keep_payloads(self, keeping: Keeping) -> None:
        """Say for how long payloads are kept that are written from now on."""
        self.database.keeping = keeping

    def use_objects(self, objects: Objects | None) -> None:
        """Move payloads that are older to this object store, and read them there."""
        self.database.objects = objects

    def add_up_usage(self) -> None:
        """Write down how much this process has put into the archive since the last time."""
        usage.add_up(self.database)

    def archive_usage(self) -> dict[str, Used]:
        """What the archive holds in the database, by keeper (see hub.store.keeping)."""
        return usage.totals(self.database)

    def archive_shelves(self) -> list[Held]:
        """What lies in the archive, by the day on which it was written and for how long it is kept; the oldest first."""
        return shelves.held(self.database)

    def maintain(self, *, dry_run: bool = False) -> Maintained:
        """Make what the next days need, and forget the payloads whose time is over. May run at any time, many times."""
        return retention.maintain(self.database, dry_run=dry_run)

    def copy_to(self, target: Store) -> dict[str, int]:
        """Copy everything into the empty store ``target`` and compare the two. Returns the rows of each table."""
        return copying.copy(self.database, target.database)

    # --- canonical events, for the outside

    def events(
        self, after: int = 0, limit: int = 100, *, entities: Collection[str] = (), connections: Collection[str] = ()
    ) -> list[Event]:
        """Canonical changes in the order in which they became visible, after the id ``after``; of these, or of all."""
        return events.read(self.database, after, limit, entities, connections)

    def feed(self) -> FeedState:
        """How far the events are: written, published, dropped."""
        return events.state(self.database)

    def published_events(self) -> int:
        """Up to which event all were published."""
        return events.position(self.database, events.PUBLISHED)

    def mark_events_published(self, position: int) -> None:
        """Note that all events up to this one were published. It never goes back."""
        events.move(self.database, events.PUBLISHED, position)

    def forget_events(self, seconds: float, *, published_only: bool) -> int:
        """Drop events older than this; with ``published_only`` none that waits to be published. Returns how many went."""
        return events.forget(self.database, seconds, published_only=published_only)

    # --- the exceptions desk

    def release(self, exception_ids: Sequence[int], by: str = "", note: str = "") -> frozenset[str]:
        """Try what stopped again, from the record as it is now. Returns targets with more to do ("" = the inbox)."""
        return desk.release(self.database, exception_ids, by, note)

    def resolve(self, exception_ids: Sequence[int], by: str = "", note: str = "") -> int:
        """Close exceptions without trying again: a person settled them. Returns how many were open."""
        return desk.resolve(self.database, exception_ids, by, note)

    def replay_delivery(self, delivery_id: int, by: str = "") -> str:
        """Render and send a finished delivery anew, from the record as it is now. Returns its target."""
        return desk.replay_delivery(self.database, delivery_id, by)

    def replay_message(self, message_id: int, by: str = "") -> int:
        """Accept a stored message once more as a new one that names the old as its cause. Returns the new id."""
        return desk.replay_message(self.database, message_id, by)

    # --- connections: what all workers must agree on

    def connection_states(self) -> dict[str, ConnectionState]:
        """The live state of every connection that has one."""
        return connections.states(self.database)

    def register_connections(self, names: Collection[str]) -> None:
        """Make sure that each connection has a row."""
        connections.register(self.database, names)

    def pause(self, connection: str, code: str = "", detail: str = "") -> None:
        """Stop calling a connection; what is for it waits."""
        connections.pause(self.database, connection, code, detail)

    def resume(self, connection: str) -> None:
        """Call it again: ends a pause, closes its breaker, and makes what waited for a retry due now."""
        connections.resume(self.database, connection)

    def note_calls(
        self, connection: str, *, good: int = 0, bad: int = 0, threshold: int = 5, base: float = 5.0
    ) -> ConnectionState:
        """Move the circuit breaker: ``threshold`` failures in a row open it, for longer each time; one success closes it."""
        return connections.note_calls(self.database, connection, good, bad, threshold, base)

    def hold_rate(self, connection: str, seconds: float) -> None:
        """The system asked for silence: no worker claims its deliveries for so long."""
        connections.hold_rate(self.database, connection, seconds)

    def reserve_calls(self, connection: str, count: int, rate: float, burst: float) -> float:
        """Speak for ``count`` calls at ``rate`` a second, over all workers. Returns seconds to wait before making them."""
        return connections.reserve_calls(self.database, connection, count, rate, burst)

    def tokens(self, connection: str) -> Tokens:
        """The durable token store of a connection (the SDK's ``TokenStore``)."""
        return Tokens(self.database, connection)

    # --- schedules

    def plan(self, wanted: Sequence[Schedule]) -> None:
        """Make the schedules of the project the stored ones: new ones are due at once, changed ones keep their last run."""
        schedules.plan(self.database, wanted)

    def claim_schedules(self, limit: int = 10, lease: float = 300.0, owner: str = "") -> list[DueSchedule]:
        """Lease schedules that are due, so that any number of hubs run each once."""
        return schedules.claim(self.database, limit, lease, owner)

    def extend_schedules(self, owner: str, lease: float) -> int:
        """Keep the leases of schedules whose runs are still going on. Returns how many the owner holds."""
        return schedules.extend(self.database, owner, lease)

    def finish_schedule(self, name: str, owner: str, *, next_in: float | None = None, error: str = "") -> bool:
        """Note a run and plan the next: in ``next_in`` seconds, or by its own interval or cron. False when the lease was lost."""
        return schedules.finish(self.database, name, owner, next_in, error)

    def switch_schedule(self, schedule: Schedule, *, on: bool) -> None:
        """Let a schedule run from now on, or let it rest until it is switched on again."""
        schedules.switch(self.database, schedule, on=on)

    def schedule_rests(self, name: str) -> bool:
        """Whether a schedule was told to rest."""
        return schedules.rests(self.database, name)

    def run_schedule_now(self, name: str) -> bool:
        """Make a schedule due at once. False when there is none of that name."""
        return schedules.run_now(self.database, name)

    # --- reading, for people

    def find_messages(
        self,
        *,
        kind: str | None = None,
        value: str | None = None,
        connection: str | None = None,
        state: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Messages by business key, connection or state, the newest first."""
        return queries.find_messages(
            self.database, kind=kind, value=value, connection=connection, state=state, limit=limit
        )

    def trace(self, message_id: int) -> TraceView:
        """The whole way of a message: steps with payloads before and after, deliveries, attempts, and what belongs to it."""
        return queries.trace(self.database, message_id)

    def exceptions(self, state: str | None = "open", limit: int = 200) -> list[dict[str, Any]]:
        """The exceptions desk, the oldest first."""
        return queries.exceptions(self.database, state, limit)

    def backlog(self) -> Backlog:
        """What waits: open exceptions by code, and by connection what is to be processed and to be sent."""
        return queries.backlog(self.database)

    def conservation(self) -> Conservation:
        """Where every accepted message is."""
        return queries.conservation(self.database)

    def in_flight(self) -> Mapping[str, int]:
        """How many messages and deliveries are not finished, by state: "message.new", "delivery.pending", ..."""
        return queries.in_flight(self.database)
