from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from hub.errors import ConfigError, Unreachable
from hub.sdk.egress import Egress
from hub.sdk.http import HttpClient


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1]:8000/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://user:pass@127.0.0.1/",
        "https://user:pass@example.com/",
        "http://10.0.0.5/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[::127.0.0.1]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[fc00::1]/",
        "http:///x",
        "https://example.com:99999/",
        "//example.com/",
    ],
)
def test_refuses_addresses_inside_and_urls_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Egress().check_url(url)
    assert caught.value.code == "CFG-URL"
    with pytest.raises(Unreachable) as later:
        HttpClient().get(url)
    assert later.value.code == "CON-EGRESS"


@pytest.mark.parametrize(
    "url", ["https://example.com/", "http://93.184.216.34:8069/jsonrpc", "https://[2606:2800:220:1::1]/"]
)
def test_public_addresses_pass(url: str) -> None:
    Egress().check_url(url)


def test_the_allow_list_opens_a_host_or_one_of_its_ports() -> None:
    Egress(["127.0.0.1"]).check_url("http://127.0.0.1:1234/")
    Egress(["127.0.0.1:1234"]).check_url("http://127.0.0.1:1234/")
    Egress(["[::1]:80"]).check_url("http://[::1]/")
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:99"):
        Egress(["127.0.0.1:1234"]).check_url("http://127.0.0.1:99/")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "0.0.0.0", "fe80::1", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254"]
)
def test_no_allow_list_opens_the_metadata_addresses(host: str) -> None:
    assert not Egress([host]).permits(host, 80, ipaddress.ip_address(host))


def _resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_public_name_that_points_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving(monkeypatch, "93.184.216.34", "10.1.2.3")
    with pytest.raises(Unreachable, match=r"10\.1\.2\.3") as caught:
        HttpClient().get("http://rebound.example/")
    assert caught.value.code == "CON-EGRESS"
    assert "allow_hosts" in caught.value.fix


def test_an_allowed_name_may_point_inside_but_never_at_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving(monkeypatch, "10.1.2.3")
    assert Egress(["erp.intern"]).resolve("erp.intern", 8069, 1)
    _resolving(monkeypatch, "169.254.169.254")
    with pytest.raises(Unreachable):
        Egress(["erp.intern"]).resolve("erp.intern", 8069, 1)


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="does not resolve"):
        HttpClient().get("http://no-such-host.invalid/", deadline=8)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(5))
    with pytest.raises(Unreachable, match="not resolved in time"):
        HttpClient().get("http://slow.example/", deadline=0.1)
    never.set()
