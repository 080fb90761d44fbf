"""The links that a batch of deliveries needs at its target: known, looked up by natural key at the target, or waited for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from hub.canonical import ENTITIES
from hub.errors import Unsupported
from hub.sdk.connector import Connector, Support
from hub.sdk.records import ExternalRef, NaturalKey
from hub.store import Link, Record, Store

Missing = tuple[str, str, bool]
"""(entity, canonical id or natural key, whether it is a natural key), as `LinkMissing` lists them."""

UNKNOWN_CODES = {"variant": "ITM-UNKNOWN", "product": "ITM-UNKNOWN"}
"""Entities that nobody will make at the target by themselves: when the look-up does not find them, a person must."""


@dataclass
class TargetLinks:
    """The links of one target, as far as a batch needed them. It is what the mapping asks."""

    store: Store
    target: str
    known: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    asked: set[Missing] = field(default_factory=set)
    missed: set[Missing] = field(default_factory=set)

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:
        """The external id at the target, or none."""
        found = self.known.get((entity, key, natural))
        if found is None:
            self.missed.add((entity, key, natural))
        return found

    def ask(self, missing: Iterable[Missing]) -> None:
        """Look missing links up in the database."""
        wanted = {(entity, key, bool(natural)) for entity, key, natural in missing} - self.asked
        if not wanted:
            return
        with self.store.reading() as work:
            by_id = work.links_of({(key, self.target) for _, key, natural in wanted if not natural})
            by_nature = work.links_by_natural_key(
                {(entity, self.target, key) for entity, key, natural in wanted if natural}
            )
        for entity, key, natural in wanted:
            link = by_nature.get((entity, self.target, key)) if natural else by_id.get((key, self.target))
            if link is not None:
                self.known[entity, key, natural] = link.external_id
        self.asked |= wanted

    def ask_again(self) -> None:
        """Look everything up anew: links were bound meanwhile."""
        asked, self.asked = self.asked, set()
        self.ask(asked)

    def coming(self, missing: Collection[Missing]) -> frozenset[Missing]:
        """Those of these records that a delivery under way may yet make at the target."""
        keys = {(key, self.target) for _, key, natural in missing if not natural}
        if not keys:
            return frozenset()
        with self.store.reading() as work:
            under_way = work.unfinished(keys)
        return frozenset(one for one in missing if not one[2] and (one[1], self.target) in under_way)


@dataclass(frozen=True, slots=True)
class Search:
    """What the look-up of missing links at the target came to."""

    found: tuple[Link, ...] = ()
    unknown: tuple[Missing, ...] = ()
    """The target says that it has no such record."""
    waiting: tuple[Missing, ...] = ()
    """They cannot be looked up, or a delivery is under way that will make them."""
    error: Exception | None = None


def search(store: Store, connector: Connector[Any], target: str, missing: Iterable[Missing]) -> Search:
    """Ask the target for records that are not linked there yet, by their natural keys. Never raises."""
    wanted = sorted({(entity, key, bool(natural)) for entity, key, natural in missing})
    ids = {key for _, key, natural in wanted if not natural}
    with store.reading() as work:
        records = work.records(ids)
        under_way = work.unfinished({(key, target) for key in ids})
        natures = work.records_by_natural_key({(entity, key) for entity, key, natural in wanted if natural})
    found: list[Link] = []
    unknown: list[Missing] = []
    waiting: list[Missing] = []
    for entity, key, natural in wanted:
        record = natures.get((entity, key)) if natural else records.get(key)
        value = key if natural else (record.natural_key if record is not None else None)
        if value is None or (not natural and (key, target) in under_way):
            waiting.append((entity, key, natural))
            continue
        try:
            ref = _find(connector, entity, value)
        except Unsupported:
            waiting.append((entity, key, natural))
            continue
        except Exception as error:  # noqa: BLE001 - classed by the caller
            return Search(tuple(found), error=error)
        if ref is None:
            (unknown if entity in UNKNOWN_CODES else waiting).append((entity, key, natural))
        else:
            found.append(_link(entity, target, ref, value, record))
    return Search(tuple(found), tuple(unknown), tuple(waiting))


def _link(entity: str, target: str, ref: ExternalRef, value: str, record: Record | None) -> Link:
    return Link(entity, target, ref.external_id, record.id if record is not None else None, value)


def _find(connector: Connector[Any], entity: str, value: str) -> ExternalRef | None:
    for name, stream in connector.manifest.streams.items():
        if stream.entity == entity and stream.find.support in (Support.FULL, Support.VERSIONED):
            return connector.find(name, NaturalKey(stream.natural_key or _natural_field(entity), value))
    raise Unsupported(f"{entity} cannot be looked up at {connector.manifest.name}")


def _natural_field(entity: str) -> str:
    return {"variant": "sku", "customer": "email", "order": "number", "shipment": "number"}.get(entity, "code")


def said(missing: Iterable[Missing], target: str) -> str:
    """The missing records in words; e-mail addresses are personal data and are left out."""
    words = []
    for entity, key, _ in missing:
        kind = "SKU " if entity == "variant" and entity in ENTITIES and not key.startswith("var_") else ""
        words.append(f"{entity} {kind}{key}" if "@" not in key or entity == "inventory_level" else entity)
    return f"not known at {target}: {', '.join(words)}"
