"""Behaviours of webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hub.errors import InputRefused, Unauthenticated
from hub.sdk.connector import Connector
from hub.sdk.records import InboundRequest, RawMessage
from hub.sdk.testing.behaviours.reading import check_shape
from hub.sdk.testing.behaviours.registry import Level, behaviour
from hub.sdk.testing.bench import Bench, NotProvable, require


def _receive(bench: Bench, request: InboundRequest) -> list[RawMessage]:
    return list(bench.connector().webhook(request))


def _refused(bench: Bench, request: InboundRequest, what: str, kind: type[InputRefused] = Unauthenticated) -> None:
    try:
        found = _receive(bench, request)
    except kind:
        return
    except Exception as e:  # noqa: BLE001
        require(False, f"{what} raises {type(e).__name__} instead of {kind.__name__}: {e}")
    else:
        require(False, f"{what} is accepted: {found[:1]}")


def _sample(bench: Bench, stream: str) -> tuple[str, InboundRequest]:
    made = bench.sim.seed_records(stream, 1)[0]
    return made, bench.sim.webhook_request(stream, made)


@behaviour(Level.BRONZE, "webhook")
def a_webhook_is_read(bench: Bench, stream: str) -> None:
    """A rightly signed webhook gives messages of the right shape, one of them of the record it is about."""
    made, request = _sample(bench, stream)
    found = _receive(bench, request)
    require(found, "a good webhook gives no message")
    for message in found:
        check_shape(message, message.stream)
    about = [message for message in found if message.stream == stream]
    require(any(made == message.external_id for message in about), f"no message is about {stream} {made}")


@behaviour(Level.BRONZE, "webhook")
def a_forged_webhook_is_refused(bench: Bench, stream: str) -> None:
    """A webhook whose body was changed after signing is `Unauthenticated`."""
    made, _ = _sample(bench, stream)
    _refused(bench, bench.sim.forge_webhook(stream, made), "a forged webhook")


@behaviour(Level.BRONZE, "webhook")
def the_signature_covers_the_raw_body(bench: Bench, stream: str) -> None:
    """A body that means the same but has other bytes does not fit the signature."""
    _, request = _sample(bench, stream)
    _refused(bench, replace(request, body=request.body + b"\n"), "a webhook with one more byte")


@behaviour(Level.BRONZE, "webhook")
def a_webhook_without_signature_is_refused(bench: Bench, stream: str) -> None:
    """A webhook without any header is `Unauthenticated`."""
    _, request = _sample(bench, stream)
    _refused(bench, replace(request, headers={"content-type": "application/json"}), "a webhook without signature")


@behaviour(Level.SILVER, "webhook")
def an_odd_signature_is_refused_without_a_crash(bench: Bench, stream: str) -> None:
    """Signatures that are no base64, not ASCII, cut off or sent twice are `Unauthenticated`, not a crash."""
    _, request = _sample(bench, stream)
    for name in _signature_headers(bench, request):
        right = request.headers[name]
        for odd in ("", "%%%", "éè", right[:8], f"{right}, {right[::-1]}", right.swapcase(), "\udce9", "0" * 5000):
            _refused(bench, replace(request, headers={**request.headers, name: odd}), f"the signature {odd[:12]!r}")


def _signature_headers(bench: Bench, request: InboundRequest) -> list[str]:
    """The headers without which a request is not authentic, found by trying."""
    found = []
    for name in request.headers:
        try:
            _receive(
                bench, replace(request, headers={key: value for key, value in request.headers.items() if key != name})
            )
        except Unauthenticated:
            found.append(name)
        except InputRefused:
            continue
    names = [name for name in found if any(word in name for word in ("sign", "hmac", "token", "auth"))]
    require(names, "no header is needed to be authentic")
    return names


@behaviour(Level.SILVER, "webhook")
def a_webhook_needs_no_call(bench: Bench, stream: str) -> None:
    """Reading a webhook makes no request: it is answered while the vendor waits."""
    _, request = _sample(bench, stream)
    with bench.nothing_sent("reading a webhook"):
        _receive(bench, request)


@behaviour(Level.BRONZE, "webhook")
def a_repeated_webhook_has_the_same_dedupe_keys(bench: Bench, stream: str) -> None:
    """The same webhook, sent again, gives the same dedupe keys."""
    _, request = _sample(bench, stream)
    keys = [[message.dedupe_key for message in _receive(bench, request)] for _ in range(2)]
    require(keys[0] == keys[1], "a repeated webhook gives other dedupe keys")
    require(len(set(keys[0])) == len(keys[0]), "two messages of one webhook share a dedupe key")


@behaviour(Level.SILVER, "webhook")
def a_later_fact_has_another_dedupe_key(bench: Bench, stream: str) -> None:
    """The webhook of a later change has another dedupe key, and a version that does not sort before the earlier one's."""
    made, request = _sample(bench, stream)
    before = _about(_receive(bench, request), stream, made)
    bench.sim.clock.advance(5)
    bench.sim.change(stream, made)
    after = _about(_receive(bench, bench.sim.webhook_request(stream, made)), stream, made)
    require(before.dedupe_key != after.dedupe_key, "a later change has the same dedupe key")
    require(
        after.source_version >= before.source_version, "the version of a later change sorts before the earlier one's"
    )


@behaviour(Level.SILVER, "webhook")
def webhook_and_poll_mean_the_same_record(bench: Bench, stream: str) -> None:
    """A record has the same external id and order key whether it comes by webhook or by poll."""
    if not bench.can(stream, "poll"):
        raise NotProvable(f"{stream} is not polled", declared=True)
    made, request = _sample(bench, stream)
    sent = _about(_receive(bench, request), stream, made)
    polled = _about(bench.drain(stream)[0], stream, made)
    require(
        (sent.order_key or sent.external_id) == (polled.order_key or polled.external_id),
        "webhook and poll give different order keys for one record",
    )


def _about(messages: Iterable[RawMessage], stream: str, external_id: str) -> RawMessage:
    found = [message for message in messages if message.stream == stream and message.external_id == external_id]
    require(found, f"no message is about {stream} {external_id}")
    return found[-1]


@behaviour(Level.GOLD, "webhook")
def authentic_rubbish_is_refused_with_a_reason(bench: Bench, stream: str) -> None:
    """A rightly signed body that is no JSON, or no object, is `InputRefused` with a code: never a crash, never a message."""
    _, request = _sample(bench, stream)
    for body in (b"", b"<html>", b'{"a":', b"[]", b"null", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff\xfe{}", b"[" * 5000):
        signed = bench.sim.sign_webhook(replace(request, body=body))
        _refused(bench, signed, f"the signed body {body[:12]!r}", InputRefused)


@behaviour(Level.GOLD, "webhook")
def authentic_but_unusable_is_refused_with_a_reason(bench: Bench, stream: str) -> None:
    """A rightly signed object without what a message needs (its id, say) is `InputRefused`, so that it ends as an exception."""
    _, request = _sample(bench, stream)
    for body in (b"{}", b'{"id":null}', b'{"id":{}}', b'{"id":""}'):
        _refused(bench, bench.sim.sign_webhook(replace(request, body=body)), f"the signed body {body!r}", InputRefused)


@behaviour(Level.GOLD, "webhook")
def subscribing_twice_changes_nothing(bench: Bench, stream: str) -> None:
    """`subscribe` may be repeated: the second time nothing is made."""
    if bench.cls.subscribe is Connector.subscribe:
        raise NotProvable("webhooks are subscribed by hand in the vendor's admin", declared=True)
    url = "https://hub.example/webhooks/test"
    first = bench.connector().subscribe([stream], url)
    before = bench.created()
    second: Any = bench.connector().subscribe([stream], url)
    require(stream in first.outcome and stream in second.outcome, f"subscribe does not report what became of {stream}")
    require(bench.created() == before, "subscribing a second time makes something")


@behaviour(Level.GOLD, "webhook")
def subscriptions_are_told_and_ended(bench: Bench, stream: str) -> None:
    """A dry run makes nothing; what was subscribed is told by `subscriptions` and ended by `unsubscribe`, and others' addresses stay."""
    if bench.cls.subscriptions is Connector.subscriptions:
        raise NotProvable("subscriptions cannot be listed", declared=True)
    connector, ours, theirs = bench.connector(), "https://hub.example/webhooks/test", "https://other.example/"
    planned = connector.subscribe([stream], ours, dry_run=True)
    require(not bench.created(), "a dry run makes something")
    made = connector.subscribe([stream], ours)
    require(list(made.made) == list(planned.made), f"a dry run tells {planned.made}, and {made.made} is made")
    if not made.made:
        raise NotProvable(f"the system has no subscriptions of {stream}", declared=True)
    connector.subscribe([stream], theirs)
    told = [one for one in connector.subscriptions() if one.url == ours]
    require(sorted(one.topic for one in told) == sorted(made.made), "subscriptions does not tell what was made")
    require(connector.unsubscribe(ours) == len(told), "unsubscribe does not say how many ended")
    left = {one.url for one in connector.subscriptions()}
    require(left == {theirs}, f"after unsubscribe there are subscriptions to {left}")


@behaviour(Level.SILVER, "webhook")
def an_old_webhook_does_nothing_new(bench: Bench, stream: str) -> None:
    """A webhook that somebody recorded and sends again a day later is refused, or has the same dedupe keys as before."""
    _, request = _sample(bench, stream)
    before = [message.dedupe_key for message in _receive(bench, request)]
    bench.sim.clock.advance(86_400)
    try:
        after = [message.dedupe_key for message in _receive(bench, request)]
    except Unauthenticated:
        return
    require(after == before, "a webhook of yesterday is taken for a new one")


@behaviour(Level.GOLD, "webhook")
def both_secrets_are_good_during_a_rotation(bench: Bench, stream: str) -> None:
    """While a secret is changed, webhooks under the one before are still taken; forged ones are not."""
    made, request = _sample(bench, stream)
    config = bench.cls.Config.model_validate(bench.sim.rotated_config(bench.server.url))
    connector = bench.cls(config, bench.io())
    require(list(connector.webhook(request)), "a webhook under the secret before is not taken")
    try:
        found = list(connector.webhook(bench.sim.forge_webhook(stream, made)))
    except Unauthenticated:
        return
    require(False, f"a forged webhook is accepted during a rotation: {found[:1]}")


@behaviour(Level.GOLD)
def a_test_of_the_address_is_answered(bench: Bench) -> None:
    """The vendor's test of the webhook address gets its answer, a test by somebody else does not, and other requests are no tests."""
    request, wanted = bench.sim.challenge_request()
    connector = bench.connector()
    with bench.nothing_sent("answering a test of the address"):
        said = connector.challenge(request)
        require(said is not None and said.body == wanted, f"the answer is {said and said.body!r} instead of {wanted!r}")
        other = replace(request, query={}, body=b"")
        require(connector.challenge(other) is None, "a request without any test is answered as one")
        for name in request.query:
            if any(word in name for word in ("token", "secret", "verify")):
                wrong = replace(request, query={**request.query, name: "wrong"})
                try:
                    said = connector.challenge(wrong)
                except Unauthenticated:
                    continue
                require(said is None, f"a test with a wrong {name} is answered")
