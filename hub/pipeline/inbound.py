"""Translating a batch of messages: rounds of mapping runs and look-ups, so that a whole batch asks the database only a few times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.canonical.reasons import reason
from hub.errors import HubError, LinkMissing
from hub.pipeline.context import Context
from hub.pipeline.identity import new_id
from hub.pipeline.plain import load_json
from hub.pipeline.translate import Translated, translate
from hub.store import ClaimedMessage, Step, Trouble, Wait
from hub.store.work import Work
from hub.telemetry import get_logger

log = get_logger(__name__)

Key = tuple[str, str, str]
"""(entity, connection, external id)."""


@dataclass
class Known:
    """What a batch knows of identities: found in the database, surely absent, or given anew to records of this batch."""

    ids: dict[Key, str] = field(default_factory=dict)
    natural: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: set[Key] = field(default_factory=set)
    asked_natural: set[tuple[str, str]] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)

    def look_up(self, work: Work, keys: set[Key], natural: set[tuple[str, str]]) -> None:
        """Ask the database for what is not known yet."""
        keys -= self.asked
        natural -= self.asked_natural
        self.ids.update({key: link.record_id for key, link in work.links(keys).items() if link.record_id is not None})
        self.natural.update({key: found.id for key, found in work.records_by_natural_key(natural).items()})
        self.asked |= keys
        self.asked_natural |= natural

    def identify(self, key: Key, natural_key: str | None) -> str:
        """The canonical id of a record: by its link, else by its natural key, else a new one."""
        by_nature = (key[0], natural_key) if natural_key is not None else None
        found = self.ids.get(key) or (self.natural.get(by_nature) if by_nature else None)
        if found is None:
            found = new_id(key[0])
            self.fresh.add(found)
        self.ids[key] = found
        if by_nature:
            self.natural.setdefault(by_nature, found)
        return found


class _Links:
    """The mapping's view of identities: external id at this connection, or natural key, to canonical id."""

    def __init__(self, known: Known, connection: str) -> None:
        self._known = known
        self._connection = connection
        self.fresh: set[str] = set()
        self.missed: set[tuple[str, str, bool]] = set()

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:
        """The canonical id, or none."""
        known = self._known
        found = known.natural.get((entity, key)) if natural else known.ids.get((entity, self._connection, key))
        if found is None:
            self.missed.add((entity, key, natural))
        elif found in known.fresh:
            self.fresh.add(found)
        return found


class Item:
    """One message on its way through the batch."""

    def __init__(self, message: ClaimedMessage, context: Context) -> None:
        self.message = message
        self.steps: list[Step] = list(message.steps)
        self.made: list[tuple[Translated, str]] = []
        """The records that it makes, each with its canonical id."""
        self.trouble: Trouble | None = None
        self.waits: list[Wait] = []
        self.uses: set[str] = set()
        """Ids that were given in this batch and that it refers to: it is tried again if they do not come to be."""
        self._context = context
        self._pending: Translated | None = None
        self._mappings: list[Any] = []
        self._payload: Any = None
        received = datetime.fromtimestamp(message.received_at, UTC).isoformat().replace("+00:00", "Z")
        self._meta = {"connection": message.connection, "received_at": received}
        self.finished = False
        self._guarded(self._read)

    def advance(self, known: Known) -> tuple[set[Key], set[tuple[str, str]]]:
        """Go on as far as what is known allows. Returns what must be looked up first; nothing when finished."""
        wanted: tuple[set[Key], set[tuple[str, str]]] = (set(), set())
        if not self.finished:
            self._guarded(lambda: self._go_on(known, wanted))
        return wanted

    def fail(self, error: Exception) -> None:
        """End as an exception."""
        self.finished = True
        self.trouble = trouble_of(error, message=self.message.id)

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except Exception as error:  # noqa: BLE001 - whatever a mapping does, it harms this message only
            self.fail(error)

    def _read(self) -> None:
        message = self.message
        if not message.body:
            raise HubError("the payload is not in the archive any more", code="IN-UNUSABLE")
        try:
            self._payload = load_json(message.body)
        except ValueError:
            raise HubError("the payload is not JSON", code="IN-UNUSABLE") from None
        connector = self._context.connector_name(message.connection)
        self._mappings = list(self._context.mappings.inbound(connector, message.stream))
        if not self._mappings and not message.deleted:
            raise HubError(f"no mapping reads {connector}/{message.stream}", code="MAP-NONE")
        if message.deleted:
            self._mappings = []

    def _go_on(self, known: Known, wanted: tuple[set[Key], set[tuple[str, str]]]) -> None:
        message = self.message
        if message.deleted:
            self._delete(known, wanted)
            return
        while self._pending is not None or self._mappings:
            if self._pending is None:
                links = _Links(known, message.connection)
                try:
                    self._pending = translate(
                        self._payload, self._mappings[0], self._meta, links, lineage=self._context.lineage
                    )
                except LinkMissing:
                    if not self._ask(links, known, wanted):
                        self._park(links)
                    return
                if links.missed and self._ask(links, known, wanted):  # optional ones may be there all the same
                    self._pending = None
                    return
                self.uses |= links.fresh
            done = self._pending
            if done.filtered is not None:
                self._filtered(done)
            elif not self._identify(done, known, wanted):
                return
            self._pending = None
            self._mappings.pop(0)
        self.finished = True

    def _identify(self, done: Translated, known: Known, wanted: tuple[set[Key], set[tuple[str, str]]]) -> bool:
        """Give the record its canonical id; False when the database must be asked first."""
        assert done.model is not None
        key: Key = (done.entity, self.message.connection, done.key)
        nature = done.model.natural_key()
        if key not in known.ids:
            if key not in known.asked:
                wanted[0].add(key)
            by_nature = (done.entity, nature) if nature is not None else None
            if by_nature is not None and by_nature not in known.natural and by_nature not in known.asked_natural:
                wanted[1].add(by_nature)
            if wanted[0] or wanted[1]:
                return False
        identity = known.identify(key, nature)
        self.made.append((done, identity))
        self.steps.append(
            Step(
                "translate",
                "ok",
                detail=f"{done.entity} {identity}",
                before=self.message.payload,
                after=done.body,
                mapping=done.mapping,
                mapping_hash=done.mapping_hash,
                lineage=done.lineage,
            )
        )
        return True

    def _filtered(self, done: Translated) -> None:
        self.steps.append(
            Step(
                "translate",
                "filtered",
                "FLT-FILTERED",
                f"{done.entity}: {done.filtered}",
                mapping=done.mapping,
                mapping_hash=done.mapping_hash,
            )
        )

    def _ask(self, links: _Links, known: Known, wanted: tuple[set[Key], set[tuple[str, str]]]) -> bool:
        """Have missed links looked up; False when all of them were already, and are not there."""
        keys = {(entity, self.message.connection, key) for entity, key, natural in links.missed if not natural}
        wanted[0].update(keys - known.asked)
        wanted[1].update({(entity, key) for entity, key, natural in links.missed if natural} - known.asked_natural)
        return bool(wanted[0] or wanted[1])

    def _park(self, links: _Links) -> None:
        self.finished = True
        self.waits = [
            Wait(entity, self.message.connection, key, "natural" if natural else "external")
            for entity, key, natural in sorted(links.missed)
        ]

    def _delete(self, known: Known, wanted: tuple[set[Key], set[tuple[str, str]]]) -> None:
        key: Key = (self.message.stream, self.message.connection, self.message.external_id)
        if key not in known.asked:
            wanted[0].add(key)
            return
        self.finished = True
        if key in known.ids:
            self.made = [(Translated(entity=key[0], key=key[2]), known.ids[key])]


def translate_batch(
    items: Sequence[Item], known: Known, look_up: Callable[[set[Key], set[tuple[str, str]]], None]
) -> None:
    """Translate every message of a batch as far as it goes."""
    running = list(items)
    while running:
        keys: set[Key] = set()
        natural: set[tuple[str, str]] = set()
        for item in running:
            more = item.advance(known)
            keys |= more[0]
            natural |= more[1]
        running = [item for item in running if not item.finished]
        if not running:
            return
        if not keys and not natural:  # cannot be: an unfinished item always asks
            _stuck(running)
            return
        look_up(keys, natural)


def _stuck(items: Iterable[Item]) -> None:
    for item in items:
        item.fail(RuntimeError("translation made no progress"))


def trouble_of(error: Exception, **named: Any) -> Trouble:
    """An error as an exception of the desk. What is not a `HubError` is a fault of the program: it is logged, and called HUB-BUG."""
    if isinstance(error, HubError):
        return Trouble(error.code, error.message, error.fix or reason(error.code).fix, error.where)
    log.error("pipeline.bug", code="HUB-BUG", error=type(error).__name__, exc_info=error, **named)
    return Trouble("HUB-BUG", f"{type(error).__name__} in the hub, a mapping or a connector", reason("HUB-BUG").fix)
