"""The conformance kit, proved twice: a right connector passes everything, and every planted fault is found by name."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from pydantic import Field, SecretStr

from hub.errors import InputRefused, OutcomeUnknown, RetryLater, Unauthenticated
from hub.sdk import (
    FULL,
    ChangeCursor,
    Connector,
    ConnectorConfig,
    ConnectorIO,
    DeliverResult,
    ExternalRef,
    Health,
    InboundRequest,
    Manifest,
    NaturalKey,
    OAuth2,
    OutboundRecord,
    Page,
    RawMessage,
    StaticToken,
    Stream,
    Subscription,
    SubscriptionReport,
    dump_json,
    read_body,
    sign_hmac_base64,
    verify_hmac_base64,
)
from hub.sdk.testing.behaviours import BEHAVIOURS, Level
from hub.sdk.testing.conformance import conformance, run
from hub.sdk.testing.io import MemoryTokens
from hub.sdk.testing.simulator import Request, Response, Simulator


class AcmeConfig(ConnectorConfig):
    url: str = Field(description="The address of the Acme server.")
    api_key: SecretStr = Field(description="The key that Acme gave.")
    webhook_secret: SecretStr = Field(description="The secret that Acme signs webhooks with.")


class AcmeConnector(Connector[AcmeConfig]):
    """A REST system with times of change in whole seconds, and a reference field that its database keeps unique."""

    manifest = Manifest(
        name="acme", vendor="Acme Inc.", title="Acme", docs="https://acme.example/docs",
        streams={
            "order": Stream(
                "order", "order", poll=FULL, webhook=FULL, fetch=FULL, find=FULL, create=FULL, update=FULL, delete=FULL,
                natural_key="number",
            )
        },
    )  # fmt: skip
    Config = AcmeConfig

    def __init__(self, config: AcmeConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._auth = StaticToken(io, config.api_key.get_secret_value(), header="x-api-key", scheme="")

    def _call(self, method: str, path: str, *, effect: bool = False, **options: Any) -> Any:
        return self._auth.call(method, self.config.url + path, effect=effect, **options)

    def check(self) -> Health:
        self._call("GET", "/orders", params={"limit": 1}).raise_for()
        return Health(True, "Acme answers")

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        self._known("poll", stream)
        changes = self._changes().open(cursor)
        since = changes.since
        params: dict[str, Any] = {"limit": limit}
        if since.at is not None:
            params["since"] = int(since.at.timestamp())
        if since.after is not None:
            params["after_id"] = since.after[1]
        rows = self._call("GET", "/orders", params=params).raise_for().json()["orders"]
        fresh = changes.take(rows, self.io.clock.now())
        more = len(rows) == limit
        return Page([self._message(row) for row in fresh], changes.cursor(more=more), more)

    def _changes(self) -> ChangeCursor[dict[str, Any]]:
        return ChangeCursor(
            at_of=lambda row: datetime.fromtimestamp(row["updated_at"], UTC), id_of=lambda row: str(row["id"])
        )

    def _message(self, row: dict[str, Any]) -> RawMessage:
        external_id = str(row["id"])
        digest = sha256(dump_json(row)).hexdigest()[:16]
        return RawMessage(
            "order", external_id, row, f"{external_id}:{digest}", source_version=f"{row['updated_at']:012d}"
        )

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        verify_hmac_base64(
            self.config.webhook_secret.get_secret_value(), request.body, request.headers.get("x-acme-signature", "")
        )
        row = read_body(request)
        if not isinstance(row.get("id"), int) or not isinstance(row.get("updated_at"), int):
            raise InputRefused("the order has no id", status=202, code="IN-UNUSABLE")
        return [self._message(row)]

    def subscribe(self, streams: Any, url: str, *, dry_run: bool = False) -> SubscriptionReport:
        if any(one.url == url for one in self.subscriptions()):
            return SubscriptionReport(dict.fromkeys(streams, "kept"))
        if not dry_run:
            self._call("PUT", "/webhook", json={"url": url}, effect=True).raise_for()
        return SubscriptionReport(dict.fromkeys(streams, "created"), ["orders"])

    def subscriptions(self) -> list[Subscription]:
        urls = self._call("GET", "/webhook").raise_for().json()["urls"]
        return [Subscription(url, "orders", url, "order") for url in urls]

    def unsubscribe(self, url: str) -> int:
        return int(self._call("DELETE", "/webhook", params={"url": url}, effect=True).raise_for().json()["ended"])

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        self._known("fetch", stream)
        if not (external_id.isascii() and external_id.isdigit()):
            return None
        answer = self._call("GET", f"/orders/{external_id}")
        return None if answer.status == 404 else self._message(answer.raise_for().json())

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        self._known("find", stream)
        return self._by("number", key.value)

    def _by(self, field: str, value: str) -> ExternalRef | None:
        rows = self._call("GET", "/orders", params={field: value, "limit": 2}).raise_for().json()["orders"]
        return ExternalRef(str(rows[0]["id"])) if rows else None

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        self._known("find_effect", record.stream)
        if record.operation != "create":
            return None
        found = self._by("marker", record.marker)
        return DeliverResult(found.external_id, "adopted") if found else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        self._known(record.operation, record.stream)
        if record.operation == "delete":
            answer = self._call("DELETE", f"/orders/{quote(str(record.external_id), safe='')}", effect=True)
            if answer.status != 404:
                answer.raise_for()
            return DeliverResult(str(record.external_id), "deleted")
        if record.external_id is not None:
            self._call("PUT", f"/orders/{record.external_id}", json=record.data, effect=True).raise_for().json()
            return DeliverResult(record.external_id, "updated")
        answer = self._call("POST", "/orders", json={**record.data, "marker": record.marker}, effect=True)
        if answer.status == 409:
            found = self._by("marker", record.marker)
            if found is None:
                raise RetryLater("the other one is not committed yet")
            return DeliverResult(found.external_id, "adopted")
        return DeliverResult(str(answer.raise_for().json()["id"]), "created")

    def _known(self, operation: str, stream: str) -> None:
        if stream != "order":
            raise self._unsupported(operation, stream)


class AcmeSimulator(Simulator):
    name = "acme"

    def __init__(self, *, seed: int = 1, clock: Any = None) -> None:
        super().__init__(seed=seed, clock=clock)
        self.key, self.secret = "acme-key-123456", "acme-secret-123456"
        self.orders: dict[int, dict[str, Any]] = {}
        self.urls: list[str] = []

    def connection_config(self, url: str) -> dict[str, Any]:
        return {"url": url, "api_key": self.key, "webhook_secret": self.secret, "settle": 0.5}

    def respond(self, request: Request) -> Response:
        if request.headers.get("x-api-key") != self.key:
            return self.expired_token()
        if request.path == "/webhook":
            if request.method == "PUT":
                self.urls.append(request.json()["url"])
                self.effect("webhook.create", self.urls[-1])
            ended = [url for url in self.urls if request.method == "DELETE" and url == request.query["url"]]
            self.urls = [url for url in self.urls if url not in ended]
            return Response.json({"urls": self.urls, "ended": len(ended)})
        _, _, tail = request.path.removeprefix("/").partition("/")
        if not tail:
            return self._list(request.query) if request.method == "GET" else self._post(request.json())
        order = self.orders.get(int(tail))
        if order is None:
            return Response.json({"error": "not found"}, 404)
        if request.method == "PUT":
            self._write(order, request.json())
            self.effect("order.update", tail)
        if request.method == "DELETE":
            del self.orders[int(tail)]
            self.effect("order.delete", tail)
        return Response.json(order)

    def _list(self, query: dict[str, str]) -> Response:
        rows = sorted(self.orders.values(), key=lambda row: (row["updated_at"], row["id"]))
        for field in ("number", "marker"):
            if field in query:
                rows = [row for row in rows if row.get(field) == query[field]]
        since = (int(query.get("since", 0)), int(query.get("after_id", 0)))
        rows = [row for row in rows if (row["updated_at"], row["id"]) > since]
        return Response.json({"orders": rows[: int(query["limit"])]})

    def _post(self, data: dict[str, Any]) -> Response:
        if any(row["marker"] == data["marker"] for row in self.orders.values()):
            return Response.json({"error": "marker taken"}, 409)
        made = self._make(**data)
        self.effect("order.create", made["id"], made)
        return Response.json(made, 201)

    def _make(self, **fields: Any) -> dict[str, Any]:
        number = max(self.orders, default=1000) + 1
        row = {
            "id": number,
            "number": f"A-{number}",
            "note": "",
            "marker": str(uuid.uuid4()),
            "lines": [{"sku": "S-1", "price": Decimal("9.90")}],
        }
        self._write(row, fields)
        self.orders[number] = row
        return row

    def _write(self, row: dict[str, Any], fields: dict[str, Any]) -> None:
        row.update(fields)
        row["updated_at"] = int(self.clock.now().timestamp())

    def seed_records(self, stream: str, n: int) -> list[str]:
        with self.lock:
            return [str(self._make()["id"]) for _ in range(n)]

    def change(self, stream: str, external_id: str) -> None:
        with self.lock:
            row = self.orders[int(external_id)]
            self._write(row, {"note": row["note"] + "x"})

    def delete(self, stream: str, external_id: str) -> None:
        with self.lock:
            del self.orders[int(external_id)]

    def put_record(self, stream: str, **fields: Any) -> str:
        given: dict[str, Any] = dict(fields.get("extra", {}))
        if "text" in fields:
            given["note"] = fields["text"]
        lines = fields.get("lines", 1)
        given["lines"] = [
            {"sku": fields.get("sku", f"S-{n}"), "price": fields.get("price", Decimal("9.90"))} for n in range(lines)
        ]
        with self.lock:
            return str(self._make(**given)["id"])

    def sample_outbound(self, stream: str) -> dict[str, Any]:
        return {"note": f"sample {self.random.getrandbits(32)}", "lines": [{"sku": "S-1", "price": Decimal("1.00")}]}

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "note": "changed"}

    def natural_key(self, stream: str, external_id: str) -> str:
        return str(self.orders[int(external_id)]["number"])

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        body = dump_json(self.orders[int(external_id)])
        return self.sign_webhook(InboundRequest("POST", "/", {"content-type": "application/json"}, body))

    def sign_webhook(self, request: InboundRequest) -> InboundRequest:
        return replace(
            request, headers={**request.headers, "x-acme-signature": sign_hmac_base64(self.secret, request.body)}
        )


TestAcme = conformance(AcmeConnector, simulator=AcmeSimulator)


class TokenSimulator(AcmeSimulator):
    """The same system for apps whose tokens run out. A refresh token is good for one renewal."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.good: set[str] = set()
        self.given, self.refresh = 0, "refresh-0-123456"

    def expiring_config(self, url: str) -> dict[str, Any]:
        return {**self.connection_config(url), "api_key": self.refresh}

    def expire_tokens(self) -> None:
        self.good.clear()

    def tokens_given(self) -> int:
        return self.given

    def respond(self, request: Request) -> Response:
        if request.path == "/token":
            if dict(parse_qsl(request.body.decode()))["refresh_token"] != self.refresh:
                return Response.json({"error": "invalid_grant"}, 400)
            self.given += 1
            self.refresh = f"refresh-{self.given}-123456"
            self.good.add(f"access-{self.given}-123456")
            said = {"access_token": f"access-{self.given}-123456", "refresh_token": self.refresh, "expires_in": 3600}
            return Response.json(said)
        if request.headers.get("x-api-key") in self.good:
            request = replace(request, headers={**request.headers, "x-api-key": self.key})
        return super().respond(request)


class TokenAcme(AcmeConnector):
    """Logs in by tokens that run out."""

    def __init__(self, config: AcmeConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._auth: Any = self.login(config, io)

    def login(self, config: AcmeConfig, io: ConnectorIO) -> Any:
        return OAuth2(
            io, token_url=f"{config.url}/token", client_id="hub", client_secret="acme-client-123456",
            refresh_token=config.api_key.get_secret_value(), header="x-api-key", scheme="",
        )  # fmt: skip


class RenewsByItself(TokenAcme):
    """Keeps its tokens to itself instead of in the store that the workers share."""

    def login(self, config: AcmeConfig, io: ConnectorIO) -> Any:
        return super().login(config, replace(io, tokens=MemoryTokens()))


class RenewsAnyway(TokenAcme):
    """Shares the store, and does not look whether another worker has renewed meanwhile."""

    def login(self, config: AcmeConfig, io: ConnectorIO) -> Any:
        class Anyway(OAuth2):
            def _renewed(self, current: Any, instead_of: Any) -> dict[str, Any]:
                return self._renew(current) if instead_of is not None else super()._renewed(current, instead_of)

        made = super().login(config, io)
        made.__class__ = Anyway
        return made


RACE = "workers_with_an_expired_token_renew_it_once"


def test_workers_that_share_a_token_renew_it_once() -> None:
    report = run(TokenAcme, simulator=TokenSimulator, only=[RACE])
    assert [(one.outcome, one.said) for one in report.findings] == [("passed", "")]


@pytest.mark.parametrize("connector", [RenewsByItself, RenewsAnyway])
def test_a_race_for_the_renewal_is_found(connector: type[Connector[Any]]) -> None:
    report = run(connector, simulator=TokenSimulator, only=[RACE])
    assert [one.outcome for one in report.findings] == ["failed"], report.findings


def test_a_connector_without_such_tokens_has_nothing_to_show() -> None:
    report = run(AcmeConnector, simulator=AcmeSimulator, only=[RACE])
    assert [(one.outcome, one.said) for one in report.findings] == [("declared", "acme has no tokens that run out")]


def failures(connector: type[Connector[Any]], *names: str) -> dict[str, str]:
    report = run(connector, simulator=AcmeSimulator, only=names)
    assert {finding.behaviour for finding in report.findings} == set(names), (
        "a behaviour that is not there was asked for"
    )
    return {finding.behaviour: finding.said for finding in report.findings if finding.outcome == "failed"}


class LosesTies(AcmeConnector):
    """Goes on behind the last time instead of behind the last (time, id)."""

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        since = (cursor or {}).get("at", 0)
        rows = (
            self._call("GET", "/orders", params={"limit": limit, "since": since, "after_id": 10**9 if cursor else 0})
            .raise_for()
            .json()["orders"]
        )
        at = rows[-1]["updated_at"] if rows else since
        return Page([self._message(row) for row in rows], {"at": at}, len(rows) == limit)


class RepeatsBlindly(AcmeConnector):
    """Tries a write again when its answer is lost, under a new marker."""

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        try:
            return super().deliver(record)
        except OutcomeUnknown:
            return super().deliver(replace(record, marker=record.marker + "-again"))


class NoLookup(AcmeConnector):
    """Believes that nothing ever took effect, and makes every write unique."""

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        return None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        return super().deliver(replace(record, marker=f"{record.marker}-{uuid.uuid4()}"))


class TakesAnything(AcmeConnector):
    """Does not verify, parses before it verifies, and crashes on odd input."""

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        row = json.loads(request.body)
        return [self._message(row)]


class EndsAllSubscriptions(AcmeConnector):
    """Ends the subscriptions of everybody."""

    def unsubscribe(self, url: str) -> int:
        return sum(super(EndsAllSubscriptions, self).unsubscribe(one.url) for one in self.subscriptions())


class SubscribesInADryRun(AcmeConnector):
    """Takes no notice of the dry run."""

    def subscribe(self, streams: Any, url: str, *, dry_run: bool = False) -> SubscriptionReport:
        return super().subscribe(streams, url)


class VerifiesReserialised(AcmeConnector):
    """Signs what it parsed instead of what came."""

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        row = read_body(request)
        verify_hmac_base64(
            self.config.webhook_secret.get_secret_value(), dump_json(row), request.headers.get("x-acme-signature", "")
        )
        return [self._message(row)]


class CallsWhileReceiving(AcmeConnector):
    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        found = list(super().webhook(request))
        self._call("GET", "/orders", params={"limit": 1})
        return found


class KeyByTime(AcmeConnector):
    """A dedupe key of id and whole-second time: the second change within a second is lost."""

    def _message(self, row: dict[str, Any]) -> RawMessage:
        made = super()._message(row)
        return replace(made, dedupe_key=f"{row['id']}:{row['updated_at']}")


class KeyByChance(AcmeConnector):
    def _message(self, row: dict[str, Any]) -> RawMessage:
        return replace(super()._message(row), dedupe_key=str(uuid.uuid4()))


class Floats(AcmeConnector):
    def _message(self, row: dict[str, Any]) -> RawMessage:
        return replace(super()._message(row), payload=json.loads(dump_json(row)))


class ThrowsAll(AcmeConnector):
    """Passes crashes through instead of classing them."""

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        try:
            return super().poll(stream, cursor, limit)
        except Exception as e:
            raise RuntimeError("poll failed") from e


class SwallowsTrouble(AcmeConnector):
    """An error becomes an empty page."""

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        try:
            return super().poll(stream, cursor, limit)
        except Exception:
            return Page([], cursor or {})


class Talks(AcmeConnector):
    """Logs its settings in clear, and puts the key into a URL."""

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        self.io.log.info("polling", key=self.config.api_key.get_secret_value())
        return super().poll(stream, cursor, limit)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        self.io.log.info("delivering", headers={"x-api-key": self.config.api_key.get_secret_value()})
        return super().deliver(record)


class GoesAround(AcmeConnector):
    """Opens its own connections, past the wire tap and the guard."""

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        import urllib.request

        body = dump_json({**record.data, "marker": record.marker})
        headers = {"x-api-key": self.config.api_key.get_secret_value()}
        with urllib.request.urlopen(urllib.request.Request(self.config.url + "/orders", body, headers)) as answer:
            return DeliverResult(str(json.loads(answer.read())["id"]), "created")


class ChangesItsInput(AcmeConnector):
    def deliver(self, record: OutboundRecord) -> DeliverResult:
        record.data["marker"] = record.marker
        return super().deliver(record)


class FoldsWildcards(AcmeConnector):
    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        rows = self._call("GET", "/orders", params={"limit": 50}).raise_for().json()["orders"]
        from fnmatch import fnmatch

        found = [row for row in rows if fnmatch(row["number"], key.value) or row["number"].startswith(key.value)]
        return ExternalRef(str(found[0]["id"])) if found else None


class EndlessPages(AcmeConnector):
    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        return replace(super().poll(stream, cursor, limit), more=True)


class Overclaims(AcmeConnector):
    manifest = replace(
        AcmeConnector.manifest,
        streams={"refund": Stream("refund", "refunds", poll=FULL, find=FULL)},
        docs="",
        sdk=">=1",
    )


class ClearSecret(ConnectorConfig):
    url: str
    api_key: str
    webhook_secret: str


class SecretsInClear(AcmeConnector):
    Config = ClearSecret  # type: ignore[assignment]

    def __init__(self, config: Any, io: ConnectorIO) -> None:
        Connector.__init__(self, config, io)
        self._auth = StaticToken(io, config.api_key, header="x-api-key", scheme="")


@pytest.mark.parametrize(
    ("connector", "names"),
    [
        (LosesTies, ["poll_loses_nothing_when_all_have_the_same_time"]),
        (RepeatsBlindly, ["a_lost_answer_is_an_unknown_outcome", "exactly_one_effect_when_the_answer_is_lost",
                          "exactly_one_effect_after_a_timeout"]),
        (NoLookup, ["a_repeated_write_has_no_second_effect", "an_effect_can_be_looked_up", "exactly_one_effect_when_the_answer_is_cut_off",
                    "exactly_one_effect_after_an_error_500", "exactly_one_effect_behind_a_login_page",
                    "eight_workers_write_the_same_record_once",
                    "exactly_one_effect_when_it_comes_late"]),
        (TakesAnything, ["a_forged_webhook_is_refused", "the_signature_covers_the_raw_body", "a_webhook_without_signature_is_refused",
                         "authentic_rubbish_is_refused_with_a_reason", "authentic_but_unusable_is_refused_with_a_reason"]),
        (EndsAllSubscriptions, ["subscriptions_are_told_and_ended"]),
        (SubscribesInADryRun, ["subscriptions_are_told_and_ended"]),
        (VerifiesReserialised, ["the_signature_covers_the_raw_body"]),
        (CallsWhileReceiving, ["a_webhook_needs_no_call"]),
        (KeyByTime, ["poll_sees_a_second_change_within_the_same_second"]),
        (KeyByChance, ["repeats_have_the_same_dedupe_key", "a_repeated_webhook_has_the_same_dedupe_keys"]),
        (Floats, ["messages_have_the_right_shape", "decimals_survive"]),
        (ThrowsAll, ["a_read_that_fails_with_5xx_is_retried_later", "a_read_too_fast_says_how_long_to_wait",
                     "a_token_that_is_not_valid_any_more",
                     "a_read_from_a_system_that_is_down_is_unreachable", "a_read_without_an_answer_ends_at_its_deadline"]),
        (SwallowsTrouble, ["a_read_that_breaks_off_is_retried_later", "a_read_that_gets_a_login_page_is_retried_later",
                           "trouble_in_the_middle_of_a_round_loses_nothing"]),
        (Talks, ["no_secret_shows_when_reading", "no_secret_shows_when_writing"]),
        (GoesAround, ["the_wire_tap_sees_the_write", "a_write_to_a_system_that_is_down_is_unreachable"]),
        (ChangesItsInput, ["the_record_is_left_as_it_was"]),
        (FoldsWildcards, ["find_takes_no_wildcards", "find_takes_the_whole_key"]),
        (EndlessPages, ["poll_finds_everything"]),
        (Overclaims, ["manifest_is_complete", "sdk_range_includes_this_sdk", "streams_name_canonical_entities",
                      "streams_that_are_found_name_their_natural_key", "what_is_not_claimed_is_refused_without_a_call"]),
        (SecretsInClear, ["settings_are_described", "secrets_are_typed_as_secrets", "secrets_do_not_show_in_settings"]),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(connector: type[Connector[Any]], names: list[str]) -> None:
    found = failures(connector, *names)
    assert set(found) == set(names)
    assert all(len(said) > 10 for said in found.values())


def test_the_grade_is_the_highest_level_without_a_failure() -> None:
    contract = [name for name, one in BEHAVIOURS.items() if not one.needs]
    good = run(AcmeConnector, simulator=AcmeSimulator, only=[*contract, "find_takes_no_wildcards"])
    assert (good.grade, good.count("failed")) == ("platinum", 0)
    poor = run(FoldsWildcards, simulator=AcmeSimulator, only=["close_may_be_called_twice", "find_takes_no_wildcards"])
    assert poor.grade == "silver"
    assert poor.as_dict()["counts"]["failed"] == 1
    assert run(Overclaims, simulator=AcmeSimulator, only=["manifest_is_complete"]).grade == "none"


def test_what_the_simulator_cannot_show_does_not_count_as_gold() -> None:
    class Bare(AcmeSimulator):
        natural_key = Simulator.natural_key

    report = run(AcmeConnector, simulator=Bare, only=["find_takes_no_wildcards"])
    assert report.findings[0].outcome == "unproven"
    assert "natural key" in report.findings[0].said
    assert report.grade == "silver"


def test_there_are_enough_named_behaviours() -> None:
    assert len(BEHAVIOURS) >= 45
    assert {one.level for one in BEHAVIOURS.values()} == set(Level)
    assert all(one.sentence.endswith(".") for one in BEHAVIOURS.values())


def test_unauthenticated_is_the_error_for_forged_webhooks() -> None:
    with pytest.raises(Unauthenticated):
        verify_hmac_base64("x", b"", "")
