"""What the SDK promises by name. A name that goes away or an import that gets heavy is a break for every connector."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hub.sdk

PROMISED = {
    "Answer", "echo_header", "echo_json", "echo_query", "hashed_query", "signed_json", "signed_query", "verify_stamped",
    "BasicLogin", "Capability", "ChangeCursor", "Clock", "Concurrency", "Connector", "ConnectorConfig", "ConnectorIO", "CookieSession",
    "CostBucket", "Cursor", "DeclarativeConnector", "DeliverResult", "Exchange", "ExternalRef", "FULL", "FixedWindow", "Health", "Hold", "HttpClient",
    "HttpResponse", "InboundRequest", "JwtBearer", "Manifest", "NaturalKey", "OAuth1", "OAuth2", "Operation", "OutboundRecord", "Page",
    "RawMessage", "SDK_VERSION", "Since", "StaticToken", "Stream", "Subscription", "SubscriptionReport", "Support", "SystemClock", "TokenBucket",
    "TokenStore", "WireTap", "all_pages", "dump_json", "dump_limit", "load_limit", "next_link", "offset_pages", "read_body", "read_json",
    "read_object", "sign_hmac_base64", "sign_jwt", "verify_hmac_base64", "verify_hmac_hex", "verify_standard", "verify_timestamp",
    "verify_token",
}  # fmt: skip


def test_every_promised_name_is_there() -> None:
    assert set(hub.sdk.__all__) >= PROMISED
    for name in hub.sdk.__all__:
        assert getattr(hub.sdk, name) is not None
        assert name in dir(hub.sdk)


def test_a_name_that_will_go_warns_and_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.sdk._LEAVING, "next_link", "use all_pages")
    monkeypatch.delitem(vars(hub.sdk), "next_link", raising=False)
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match=r"hub\.sdk\.next_link will go: use all_pages"):
            assert callable(hub.sdk.next_link)


def test_importing_the_sdk_loads_no_library() -> None:
    code = "import sys, hub.sdk; print([m for m in ('http.client', 'pydantic', 'authlib', 'orjson', 'ssl') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_the_contract_loads_without_the_http_library() -> None:
    code = "import sys, hub.sdk.connector, hub.sdk.plugins; print([m for m in ('http.client', 'authlib') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_the_reference_pages_say_what_the_code_says() -> None:
    from pathlib import Path

    from hub.sdk.reference import pages

    folder = Path(__file__).parents[3] / "docs" / "sdk"
    for name, text in pages().items():
        assert (folder / name).read_text(encoding="utf-8") == text, (
            f"write it again: python -m hub.sdk.reference docs/sdk ({name})"
        )
