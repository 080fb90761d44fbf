"""Where calls may go: an address inside the own network is reached only when the connection's allow-list names it.

The check is made on the address that is really connected to, after the name was resolved, so that a public name that points
inwards does not get through (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

from hub.errors import ConfigError, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER = tuple(
    ipaddress.ip_network(net)
    for net in (
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
        "0.0.0.0/8", "::/128", "224.0.0.0/4", "ff00::/8", "255.255.255.255/32",
    )
)  # fmt: skip
"""Addresses that hand out a cloud machine's credentials, and those that are no single machine: no allow-list opens them."""

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_MOST_PASSED = 1000
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Egress:
    """The rule of one connection: public addresses, and the hosts on its allow-list (``host`` or ``host:port``)."""

    def __init__(self, allow_hosts: Iterable[str] = ()) -> None:
        self.allow_hosts = frozenset(host.strip().lower() for host in allow_hosts)
        self._passed: set[tuple[str, str]] = set()

    def check_url(self, url: str) -> None:
        """Refuse a URL that can be seen to be wrong without resolving its host. Raises `ConfigError`."""
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) in self._passed:
            return
        host, port = _host_port(url)
        if parts.username is not None or parts.password is not None:
            raise ConfigError(
                "a URL must not hold a user name or password", code="CFG-URL", fix="Use the settings for them."
            )
        literal = _literal(host)
        if literal is not None and not self.permits(host, port, literal):
            raise ConfigError(f"the address {host} is not allowed", code="CFG-URL", fix=_fix(host, port))
        if len(self._passed) < _MOST_PASSED:
            self._passed.add((parts.scheme, parts.netloc))

    def permits(self, host: str, port: int, address: Address) -> bool:
        """May ``host``, resolved to ``address``, be connected to?"""
        seen = _unwrap(address)
        if any(one.version == net.version and one in net for one in seen for net in _NEVER):
            return False
        if _listed(host, port, self.allow_hosts):
            return True
        return all(one.is_global and not one.is_multicast for one in seen)

    def resolve(self, host: str, port: int, timeout: float | None) -> list[tuple[Any, ...]]:
        """The socket addresses of ``host``, every one of them permitted. Raises `Unreachable`: nothing was sent."""
        found = _lookup(host, port, timeout)
        for info in found:
            address = ipaddress.ip_address(str(info[4][0]).partition("%")[0])
            if not self.permits(host, port, address):
                raise Unreachable(
                    f"{host} is at {address}, an address that this connection may not call", code="CON-EGRESS",
                    fix=_fix(host, port),
                )  # fmt: skip
        return found


def _host_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ConfigError("a URL must begin with https:// or http://", code="CFG-URL")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ConfigError("the URL has an impossible port", code="CFG-URL") from None
    if not parts.hostname:
        raise ConfigError("the URL has no host", code="CFG-URL")
    return parts.hostname, port


def _listed(host: str, port: int, allowed: Collection[str]) -> bool:
    host = host.lower().strip("[]")
    return bool({host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"} & set(allowed))


def _fix(host: str, port: int) -> str:
    return f'If it is meant, an administrator adds "{host}:{port}" to the connection\'s allow_hosts.'


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # The C library also reads 2130706433, 0x7f.1 and 127.1 as addresses.
        return ipaddress.ip_address(socket.inet_aton(host))
    except OSError:
        return None


def _unwrap(address: Address) -> list[Address]:
    """The address, and every IPv4 address that is wrapped in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner: list[Address] = [
        one for one in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if one is not None
    ]
    if any(address in net for net in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return inner
    return [address, *inner]


def _lookup(host: str, port: int, timeout: float | None) -> list[tuple[Any, ...]]:
    literal = _literal(host)
    if literal is not None:
        family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(literal), port))]
    result: list[Any] = []

    def ask() -> None:
        try:
            result.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as e:
            result.append(e)

    # The C library's resolver knows no time limit, so it is asked in a thread that may be left behind.
    asker = threading.Thread(target=ask, daemon=True, name="resolve")
    asker.start()
    asker.join(timeout)
    if not result:
        raise Unreachable(f"the name {host} was not resolved in time")
    if isinstance(result[0], Exception):
        raise Unreachable(f"the name {host} does not resolve", fix="Check the host name and the machine's DNS.")
    return list(result[0])
