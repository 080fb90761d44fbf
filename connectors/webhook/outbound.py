"""Records out: one signed JSON request each, under an idempotency key."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, NoReturn
from urllib.parse import quote

from connectors.webhook.config import WebhookConfig
from hub.errors import Duplicate, OutcomeUnknown, Rejected, Unsupported
from hub.sdk.connector import ConnectorIO
from hub.sdk.http import HttpResponse
from hub.sdk.jsonio import dump_json
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord
from hub.sdk.webhooks import sign_hmac_base64


class Sender:
    """Sends records to the connection's address, and looks them up there."""

    def __init__(self, config: WebhookConfig, io: ConnectorIO) -> None:
        self._config = config
        self._io = io
        self._base = (config.url or "").rstrip("/")

    def send(self, record: OutboundRecord) -> DeliverResult:
        """The write."""
        known = record.external_id
        if record.operation == "delete" and known is None:
            return DeliverResult(external_id=record.marker, applied="unchanged")
        method = "POST" if known is None else "DELETE" if record.operation == "delete" else "PUT"
        place = f"{self._address(record.stream)}/{quote(known, safe='')}" if known else self._address(record.stream)
        body = b"" if method == "DELETE" else dump_json(record.data)
        answer = self._io.http.request(
            method, place, content=body or None, headers=self._headers(record, body), effect=True
        )
        if answer.status == 409:
            self._conflict(answer)
        if method == "DELETE" and answer.status in {404, 410}:
            return DeliverResult(external_id=known or record.marker, applied="unchanged")
        answer.raise_for()
        if method != "DELETE" and self._config.answers == "json":
            _must_be_success(answer)
        external_id, version = self._identity(answer, known or record.marker)
        applied: Any = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}[method]
        return DeliverResult(external_id=external_id, applied=applied, version=version)

    def effect_of(self, record: OutboundRecord) -> DeliverResult | None:
        """Whether an earlier attempt arrived. Where the receiver honours the key, asking again by it is enough.

        A change writes absolute values to a record that is known: its marker, which the creation left there, says nothing of
        the change, and the same change again does no harm.
        """
        if record.external_id:
            return None
        if self._config.lookup:
            found = self._list(record.stream, "marker", record.marker)
            if len(found) > 1:
                raise Rejected("the receiver holds this record more than once", code="HUB-DUPLICATE")
            if found:
                return DeliverResult(external_id=str(found[0][self._config.id_field]), applied="adopted")
            return None
        if self._config.idempotent and record.idempotency_key:
            return None
        raise Unsupported("the receiver neither honours an idempotency key nor can be asked for a marker")

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """The record with this natural key; compared here too, since some receivers match more than they were asked for."""
        if not self._config.lookup:
            return None
        found = [item for item in self._list(stream, key.kind, key.value) if str(item.get(key.kind)) == key.value]
        if len(found) > 1:
            raise Rejected(f"the receiver has several records with this {key.kind}", code="XREF-CONFLICT")
        return ExternalRef(str(found[0][self._config.id_field]), data=found[0]) if found else None

    def reach(self) -> int:
        """The status that the receiver answers a plain GET with."""
        return self._io.http.get(self._base, headers=self._secret_headers()).status

    def _list(self, stream: str, name: str, value: str) -> list[dict[str, Any]]:
        answer = self._io.http.get(self._address(stream), params={name: value}, headers=self._secret_headers())
        if answer.status == 404:
            return []
        found = answer.raise_for().json()
        items = found if isinstance(found, list) else []
        return [item for item in items if isinstance(item, dict) and self._config.id_field in item]

    def _address(self, stream: str) -> str:
        if not self._base:
            raise Unsupported("this connection has no url, so nothing can be sent to it")
        return f"{self._base}/{stream}"

    def _headers(self, record: OutboundRecord, body: bytes) -> dict[str, str]:
        config = self._config
        stamp = str(int(self._io.clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "idempotency-key": record.idempotency_key,
            config.topic_header: f"{record.stream}/{record.operation}",
            config.event_header: record.idempotency_key,
            config.timestamp_header: stamp,
            "x-marker": record.marker,
        }
        if config.secrets:
            signed = f"{stamp}.".encode() + body if config.signed == "timestamp.body" else body
            headers[config.signature_header] = (
                sign_hmac_base64(config.secrets[0], signed)
                if config.encoding == "base64"
                else hmac.new(config.secrets[0].encode(), signed, hashlib.sha256).hexdigest()
            )
        return headers | self._secret_headers()

    def _secret_headers(self) -> dict[str, str]:
        return {name: value.get_secret_value() for name, value in self._config.headers.items()}

    def _identity(self, answer: HttpResponse, otherwise: str) -> tuple[str, str]:
        if not answer.body.strip() or "json" not in answer.headers.get("content-type", ""):
            return otherwise, ""
        said = answer.json()
        if not isinstance(said, dict):
            return otherwise, ""
        given = said.get(self._config.id_field)
        version = said.get(self._config.version_field)
        return (str(given) if given not in (None, "") else otherwise), (str(version) if version is not None else "")

    def _conflict(self, answer: HttpResponse) -> NoReturn:
        external_id, _ = self._identity(answer, "")
        if external_id:
            raise Duplicate("the receiver has this record already", external_id=external_id)
        raise Rejected("the receiver says that this conflicts with what it has (409)")


def _must_be_success(answer: HttpResponse) -> None:
    """Status 200 is also what login pages, proxies and systems that put their errors inside say."""
    if answer.status == 204:
        return
    said = answer.json()
    if not isinstance(said, dict):
        raise OutcomeUnknown(f"the receiver answered {answer.status} with something that is no JSON object")
    if said.get("errors") or said.get("error"):
        raise Rejected(f"the receiver answered {answer.status} with an error inside: {answer.excerpt()}")
