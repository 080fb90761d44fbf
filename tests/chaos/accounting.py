"""What was promised against what is there, in Jepsen's words, from the journals of the sender and of the targets alone.

attempted: told to the hub; acknowledged: answered with 2xx; lost: acknowledged, and neither it nor a newer version of it is at the
target; recovered: not acknowledged, and there all the same; duplicated: there twice; unexpected: there, and never told;
inverted: an older version after a newer one, or a shipment before its order.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.traffic import Fact


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of a target's journal."""

    fact: Fact
    created: bool
    late: bool = False


@dataclass
class Account:
    """One target's account. ``examples`` names some of what is wrong, to look it up in the hub's traces."""

    target: str
    attempted: int = 0
    acknowledged: int = 0
    effects: int = 0
    lost: int = 0
    parked: int = 0
    """Acknowledged and not there, but on the exceptions desk with a code: not lost."""
    duplicated: int = 0
    inverted: int = 0
    recovered: int = 0
    unexpected: int = 0
    coalesced: int = 0
    """Versions that were never sent because a newer one took their place."""
    repeated: int = 0
    """The same absolute values written to the same record again: harmless."""
    late: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing doubled, everything in order, nothing made up."""
        return not (self.lost or self.duplicated or self.inverted or self.unexpected)


def read_sent(journal: Path) -> tuple[set[Fact], set[Fact], list[str]]:
    """What was attempted and what was acknowledged, and which lines say that the hub refused something."""
    told: defaultdict[str, set[Fact]] = defaultdict(set)
    refused = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        what, name, *_ = line.split()
        if what == "refused":
            refused.append(line)
            continue
        kind, record, number = name.split("-")
        told[what].add(Fact(int(record), kind, int(number)))
    return told["sent"], told["acknowledged"], refused


def read_effects(journal: Path) -> list[Effect]:
    """A target's journal, in the order of the effects."""
    effects = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        if said["stream"] == "order":
            fact = Fact(int(said["number"].lstrip("#")), "order", int(said["note"]))
        else:
            record, number = said["number"].split("-")
            fact = Fact(int(record), "shipment", int(number))
        effects.append(Effect(fact, said["verb"] == "create", bool(said["late"])))
    return effects


def account(
    target: str,
    attempted: Iterable[Fact],
    acknowledged: Iterable[Fact],
    effects: Sequence[Effect],
    parked: Iterable[Fact] = (),
) -> Account:
    """Compare. ``parked`` are the facts with an open exception for this target."""
    wanted = ("order", "shipment") if target == "ordered" else ("order",)
    sent = {fact for fact in attempted if fact.kind in wanted}
    promised = {fact for fact in acknowledged if fact.kind in wanted}
    there = {effect.fact for effect in effects}
    made = Account(target, len(sent), len(promised), len(effects), late=sum(effect.late for effect in effects))
    newest: dict[int, int] = {}
    for fact in there:
        if fact.kind == "order":
            newest[fact.record] = max(newest.get(fact.record, 0), fact.number)
    waiting = {(fact.record, fact.kind) if fact.kind == "order" else fact for fact in parked}
    for fact in sorted(promised - there, key=lambda fact: fact.name):
        if fact.kind == "order" and newest.get(fact.record, 0) > fact.number:
            made.coalesced += 1
        elif fact in waiting or (fact.record, fact.kind) in waiting:
            made.parked += 1
        else:
            made.lost += 1
            made.examples.append(f"lost: {fact.name}")
    made.recovered = len((there & sent) - promised)
    for fact in sorted(there - sent, key=lambda fact: fact.name):
        made.unexpected += 1
        made.examples.append(f"unexpected: {fact.name}")
    _doubles(made, effects)
    _inversions(made, effects)
    return made


def _doubles(made: Account, effects: Sequence[Effect]) -> None:
    """A record that was made twice, or one fact twice at a target that does a key once."""
    creations = Counter((effect.fact.record, effect.fact.kind, effect.fact.number if effect.fact.kind == "shipment" else 0)
                        for effect in effects if effect.created)  # fmt: skip
    for (record, kind, _), count in creations.items():
        if count > 1:
            made.duplicated += count - 1
            made.examples.append(f"made {count} times: {kind} {record}")
    for fact, count in Counter(effect.fact for effect in effects if not effect.created).items():
        if count > 1 and made.target == "marker":
            made.repeated += count - 1
        elif count > 1:
            made.duplicated += count - 1
            made.examples.append(f"done {count} times: {fact.name}")


def _inversions(made: Account, effects: Sequence[Effect]) -> None:
    seen: dict[int, int] = {}
    for effect in effects:
        fact = effect.fact
        if fact.kind == "shipment":
            wrong = fact.record not in seen
        else:
            wrong = seen.get(fact.record, 0) > fact.number
            seen[fact.record] = max(seen.get(fact.record, 0), fact.number)
        if wrong:
            made.inverted += 1
            made.examples.append(f"out of order: {fact.name}")
