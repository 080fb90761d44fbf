"""Behaviours of poll, fetch and find."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hub.errors import Rejected, Unsupported
from hub.sdk.records import NaturalKey, RawMessage
from hub.sdk.testing.behaviours.registry import Level, behaviour
from hub.sdk.testing.bench import Bench, NotProvable, leaves, longest_list, require, through_json

TEXT = 'Ünï "côdé" \\ 漢字 عربى 👩‍👩‍👧 {{ 7*7 }} <b>&amp;</b>\'; DROP TABLE x;--'


def ids(messages: Iterable[RawMessage]) -> set[str]:
    """The external ids of messages."""
    return {message.external_id for message in messages}


@behaviour(Level.BRONZE, "poll")
def poll_of_nothing_is_an_empty_page(bench: Bench, stream: str) -> None:
    """A poll right after everything was read gives an empty round and a cursor that can be used again."""
    _, cursor = bench.drain(stream)
    bench.sim.clock.advance(3600)
    found, cursor = bench.drain(stream, cursor)
    again, _ = bench.drain(stream, cursor)
    require(
        len(again) <= len(found), f"rounds without any change give more and more records: {len(found)}, {len(again)}"
    )


@behaviour(Level.BRONZE, "poll")
def poll_finds_everything(bench: Bench, stream: str) -> None:
    """Polling in small pages finds every record."""
    made = set(bench.sim.seed_records(stream, 23))
    found, _ = bench.drain(stream, limit=5)
    require(made <= ids(found), f"{len(made - ids(found))} of {len(made)} records of {stream} were not found")


@behaviour(Level.BRONZE, "poll")
def poll_with_pages_of_one_ends(bench: Bench, stream: str) -> None:
    """Pages of a single record come to an end, with every record in them."""
    made = set(bench.sim.seed_records(stream, 6))
    found, _ = bench.drain(stream, limit=1)
    require(made <= ids(found), f"{len(made - ids(found))} of {len(made)} records were not found")


@behaviour(Level.SILVER, "poll")
def poll_keeps_to_the_limit(bench: Bench, stream: str) -> None:
    """A page has no more records than were asked for."""
    bench.sim.seed_records(stream, 12)
    page = bench.connector().poll(stream, None, 5)
    require(len(ids(page.messages)) <= 5, f"asked for 5, the page has {len(ids(page.messages))} records")


@behaviour(Level.BRONZE, "poll")
def cursors_are_small_json(bench: Bench, stream: str) -> None:
    """A cursor is JSON data and stays small, also after many records."""
    bench.sim.seed_records(stream, 40)
    _, cursor = bench.drain(stream, limit=10)
    size = len(str(through_json(cursor, "the cursor")))
    require(isinstance(cursor, dict), "the cursor is not a JSON object")
    require(size < 32_000, f"the cursor of 40 records has {size} characters")


@behaviour(Level.SILVER, "poll")
def poll_may_be_repeated_with_the_same_cursor(bench: Bench, stream: str) -> None:
    """The same cursor gives the same page again: a page that was not stored is not lost."""
    bench.sim.seed_records(stream, 9)
    first = bench.connector().poll(stream, None, 4)
    once = bench.connector().poll(stream, first.cursor, 4)
    twice = bench.connector().poll(stream, first.cursor, 4)
    require(ids(once.messages) <= ids(twice.messages), "the same cursor gives other records the second time")


@behaviour(Level.SILVER, "poll")
def repeats_have_the_same_dedupe_key(bench: Bench, stream: str) -> None:
    """A record that is read again without having changed has the same dedupe_key; different records never share one."""
    bench.sim.seed_records(stream, 8)
    once, _ = bench.drain(stream)
    again, _ = bench.drain(stream)
    keys = {message.external_id: message.dedupe_key for message in once}
    require(len(set(keys.values())) == len(keys), "two records have the same dedupe_key")
    for message in again:
        require(
            keys.get(message.external_id, message.dedupe_key) == message.dedupe_key,
            f"a repeat of {message.external_id} has another dedupe_key",
        )


@behaviour(Level.BRONZE, "poll")
def poll_sees_a_change(bench: Bench, stream: str) -> None:
    """A record that changes after it was read comes again, with another dedupe_key and no smaller version."""
    made = bench.sim.seed_records(stream, 5)
    before, cursor = bench.drain(stream)
    bench.sim.clock.advance(5)
    bench.sim.change(stream, made[2])
    after, _ = bench.drain(stream, cursor)
    old = {message.dedupe_key for message in before}
    new = [message for message in after if message.external_id == made[2] and message.dedupe_key not in old]
    require(new, "a changed record does not come again as a new fact")
    versions = [message.source_version for message in before if message.external_id == made[2]]
    require(
        new[-1].source_version >= max(versions, default=""),
        "the version of a later fact sorts before the earlier one's",
    )


@behaviour(Level.GOLD, "poll")
def poll_can_begin_at_a_point_in_time(bench: Bench, stream: str) -> None:
    """From the position of a moment everything changed since then is read, and nothing that is much older."""
    old = set(bench.sim.seed_records(stream, 3))
    bench.sim.clock.advance(7200)
    moment = bench.sim.clock.now()
    bench.sim.clock.advance(5)
    new = set(bench.sim.seed_records(stream, 2))
    try:
        cursor = bench.connector().cursor_since(stream, moment)
    except Unsupported:
        raise NotProvable(f"{stream} is not read from a point in time", declared=True) from None
    found, _ = bench.drain(stream, through_json(cursor, "a cursor"))
    require(new <= ids(found), f"{len(new - ids(found))} of {len(new)} records that came later were not read")
    require(not old & ids(found), "records of two hours before were read too")


@behaviour(Level.SILVER, "poll")
def poll_sees_a_new_record(bench: Bench, stream: str) -> None:
    """A record that is made after a round comes in the next one."""
    bench.sim.seed_records(stream, 3)
    _, cursor = bench.drain(stream)
    bench.sim.clock.advance(5)
    made = bench.sim.seed_records(stream, 2)
    found, _ = bench.drain(stream, cursor)
    require(set(made) <= ids(found), "a new record is not found by the next round")


@behaviour(Level.GOLD, "poll")
def poll_loses_nothing_when_records_change_between_pages(bench: Bench, stream: str) -> None:
    """Records that change while pages are being read are all found, at the latest by the next round, in their last state."""
    made = bench.sim.seed_records(stream, 14)
    bench.sim.clock.advance(30)

    def disturb(number: int) -> None:
        if number < len(made):
            bench.sim.clock.advance(1)
            bench.sim.change(stream, made[(number * 5) % len(made)])

    first, cursor = bench.drain(stream, limit=3, between=disturb)
    bench.sim.clock.advance(30)
    second, _ = bench.drain(stream, cursor, limit=3)
    found = ids(first) | ids(second)
    require(set(made) <= found, f"{len(set(made) - found)} of {len(made)} records were not found")
    last = {message.external_id: message.payload for message in [*first, *second]}
    fresh, _ = bench.drain(stream, limit=50)
    # A system may tell of earlier states too, oldest first.
    for external_id, payload in {message.external_id: message.payload for message in fresh}.items():
        if external_id in made:
            require(last[external_id] == payload, f"the last state of {external_id} was not read")


@behaviour(Level.GOLD, "poll")
def poll_loses_nothing_when_all_have_the_same_time(bench: Bench, stream: str) -> None:
    """Records that share one time of change are all found, in pages smaller than their number."""
    bench.sim.clock.freeze()
    made = set(bench.sim.seed_records(stream, 11))
    bench.sim.clock.thaw()
    bench.sim.clock.advance(10)
    found, _ = bench.drain(stream, limit=3)
    require(made <= ids(found), f"{len(made - ids(found))} of {len(made)} records with the same time were not found")


@behaviour(Level.GOLD, "poll")
def poll_sees_a_second_change_within_the_same_second(bench: Bench, stream: str) -> None:
    """A record that changes twice within one second, and was read in between, is read again."""
    bench.sim.clock.freeze()
    made = bench.sim.seed_records(stream, 3)
    first, cursor = bench.drain(stream)
    bench.sim.change(stream, made[0])
    bench.sim.clock.thaw()
    bench.sim.clock.advance(10)
    second, _ = bench.drain(stream, cursor)
    now, _ = bench.drain(stream)
    wanted = next(message.payload for message in reversed(now) if message.external_id == made[0])
    seen = [message.payload for message in [*first, *second] if message.external_id == made[0]]
    require(wanted in seen, "the second change within the same second was not read")
    keys = {message.dedupe_key: message.payload for message in first if message.external_id == made[0]}
    require(
        all(keys.get(message.dedupe_key, message.payload) == message.payload for message in second),
        "the second change has the dedupe_key of the first: the hub would take it for a repeat",
    )


@behaviour(Level.BRONZE, "poll")
def messages_have_the_right_shape(bench: Bench, stream: str) -> None:
    """A message names its stream, has ids that are text, and a payload of JSON data without binary floats."""
    bench.sim.seed_records(stream, 3)
    found, _ = bench.drain(stream)
    for message in found:
        check_shape(message, stream)


def check_shape(message: RawMessage, stream: str) -> None:
    """What holds for every message, wherever it comes from."""
    require(message.stream == stream, f"a message of {stream} says that it is of {message.stream}")
    for part in ("external_id", "dedupe_key"):
        value = getattr(message, part)
        require(isinstance(value, str) and value.strip(), f"{part} of a message is {value!r}")
    for part in ("source_version", "order_key", "occurred_at", "topic"):
        require(isinstance(getattr(message, part), str), f"{part} of a message is not text")
    through_json(message.payload, "a payload")
    require(not any(isinstance(leaf, float) for leaf in leaves(message.payload)), "the payload holds a binary float")


@behaviour(Level.SILVER, "poll")
def text_survives(bench: Bench, stream: str) -> None:
    """Umlauts, emoji, Arabic, quotes and template brackets arrive exactly as they were entered."""
    made = bench.sim.put_record(stream, text=TEXT)
    require(_holds(bench, stream, made, TEXT), "a text with special characters did not arrive as it was entered")


@behaviour(Level.BRONZE, "poll")
def leading_zeros_survive(bench: Bench, stream: str) -> None:
    """A SKU like 00123 stays a text with its zeros."""
    made = bench.sim.put_record(stream, sku="0012300")
    require(_holds(bench, stream, made, "0012300"), "the SKU 0012300 did not arrive as that text")


@behaviour(Level.BRONZE, "poll")
def decimals_survive(bench: Bench, stream: str) -> None:
    """A price arrives digit for digit, not as a binary float."""
    made = bench.sim.put_record(stream, price=Decimal("1019.99"))
    found = list(leaves(_payload(bench, stream, made)))
    good = any(str(leaf) in ("1019.99", "1019.990", "1019.9900") for leaf in found if not isinstance(leaf, float))
    require(good, "the price 1019.99 did not arrive exactly")


@behaviour(Level.SILVER, "poll")
def unknown_fields_do_no_harm(bench: Bench, stream: str) -> None:
    """A field that the vendor added since is no error."""
    made = bench.sim.put_record(stream, extra={"brand_new_field": {"nested": [1, None, "x"]}})
    require(made in ids(bench.drain(stream)[0]), "a record with an unknown field was not read")


@behaviour(Level.GOLD, "poll")
def a_record_without_lines_is_read(bench: Bench, stream: str) -> None:
    """An order with no lines is read like any other."""
    made = bench.sim.put_record(stream, lines=0)
    require(made in ids(bench.drain(stream)[0]), "a record without lines was not read")


@behaviour(Level.GOLD, "poll")
def a_record_with_500_lines_is_read_whole(bench: Bench, stream: str) -> None:
    """An order with 500 lines is read with every line, however the vendor pages them."""
    made = bench.sim.put_record(stream, lines=500)
    count = longest_list(_payload(bench, stream, made))
    require(count >= 500, f"of 500 lines {count} were read")


def _payload(bench: Bench, stream: str, external_id: str) -> Any:
    found, _ = bench.drain(stream)
    payloads = [message.payload for message in found if message.external_id == external_id]
    require(payloads, f"the record {external_id} was not read")
    return payloads[-1]


def _holds(bench: Bench, stream: str, external_id: str, text: str) -> bool:
    return any(isinstance(leaf, str) and text in leaf for leaf in leaves(_payload(bench, stream, external_id)))


@behaviour(Level.GOLD, "poll")
def a_deleted_record_is_noticed(bench: Bench, stream: str) -> None:
    """A record that was deleted comes as a deletion, or is no longer there when it is fetched."""
    made = bench.sim.seed_records(stream, 3)
    _, cursor = bench.drain(stream)
    bench.sim.clock.advance(5)
    bench.sim.delete(stream, made[1])
    found, _ = bench.drain(stream, cursor)
    told = any(message.deleted for message in found if message.external_id == made[1])
    if not told and bench.can(stream, "fetch"):
        gone = bench.connector().fetch(stream, made[1])
        told = gone is None or gone.deleted
    require(told, "a deleted record is neither told by poll nor missing for fetch")


@behaviour(Level.BRONZE, "fetch")
def fetch_gives_the_record_as_it_is_now(bench: Bench, stream: str) -> None:
    """`fetch` gives one record in the same shape as `poll`, in its present state."""
    made = bench.sim.seed_records(stream, 3)
    message = bench.connector().fetch(stream, made[1])
    require(message is not None and message.external_id == made[1], "fetch does not give the record")
    if message is not None:
        check_shape(message, stream)
    if bench.can(stream, "poll"):
        polled = [one for one in bench.drain(stream)[0] if one.external_id == made[1]]
        require(
            polled and message is not None and polled[-1].payload == message.payload,
            "fetch and poll give different payloads",
        )


@behaviour(Level.BRONZE, "fetch")
def fetch_of_an_unknown_record_is_none(bench: Bench, stream: str) -> None:
    """`fetch` of a record that is not there gives none."""
    made = bench.sim.seed_records(stream, 1)[0]
    unknown = re.sub(r"\d+", lambda found: "9" * max(7, len(found[0])), made)
    require(unknown != made, f"no unknown id can be made of {made}")
    require(bench.connector().fetch(stream, unknown) is None, "fetch of an unknown record gives something")


@behaviour(Level.GOLD, "fetch")
def fetch_is_not_fooled_by_a_hostile_id(bench: Bench, stream: str) -> None:
    """An id that is a path, a query or a wildcard reaches nothing: none or `Rejected`, never another record."""
    bench.sim.seed_records(stream, 2)
    for hostile in ("../../admin", "1 OR 1=1", "%", "*", "", '"}){x}', "1?x=1", "-1", "True"):
        try:
            found = bench.connector().fetch(stream, hostile)
        except Rejected:
            continue
        require(found is None, f"fetch of the id {hostile!r} gives a record")


@behaviour(Level.BRONZE, "find")
def find_by_the_natural_key(bench: Bench, stream: str) -> None:
    """`find` gives the record with this natural key, and not another."""
    made = bench.sim.seed_records(stream, 4)
    key = bench.sim.natural_key(stream, made[2])
    found = bench.connector().find(stream, NaturalKey(bench.stream(stream).natural_key, key))
    require(found is not None, f"nothing was found by {bench.stream(stream).natural_key} {key}")
    require(found is not None and found.external_id == made[2], "find gives another record")


@behaviour(Level.BRONZE, "find")
def find_of_an_unknown_key_is_none(bench: Bench, stream: str) -> None:
    """`find` of a key that nothing has gives none."""
    bench.sim.seed_records(stream, 2)
    kind = bench.stream(stream).natural_key
    require(
        bench.connector().find(stream, NaturalKey(kind, "no-such-key-4711")) is None,
        "find of an unknown key gives something",
    )


@behaviour(Level.GOLD, "find")
def find_takes_no_wildcards(bench: Bench, stream: str) -> None:
    """Wildcards, quotes and query language in a key are plain text: they match nothing."""
    made = bench.sim.seed_records(stream, 3)
    key = bench.sim.natural_key(stream, made[0])
    kind = bench.stream(stream).natural_key
    for hostile in (
        "%",
        "*",
        "_" * len(key),
        f"{key[:2]}*",
        f"{key[:2]}%",
        f"x OR {kind}:*",
        "' OR '1'='1",
        '"',
        "\\",
        "a:b OR c:d",
        "[]",
    ):
        try:
            found = bench.connector().find(stream, NaturalKey(kind, hostile))
        except Rejected:
            continue
        require(found is None, f"find of the key {hostile!r} gives a record")


@behaviour(Level.GOLD, "find")
def find_takes_the_whole_key(bench: Bench, stream: str) -> None:
    """A key that is only the beginning or the end of another is not found."""
    made = bench.sim.seed_records(stream, 2)
    key = bench.sim.natural_key(stream, made[0])
    kind = bench.stream(stream).natural_key
    for part in (key[:-1], key[1:], key + "0", "0" + key):
        found = bench.connector().find(stream, NaturalKey(kind, part)) if part else None
        require(
            found is None or bench.sim.natural_key(stream, found.external_id).casefold() == part.casefold(),
            f"find of {part!r} gives the record with the key {key!r}",
        )
