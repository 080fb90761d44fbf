"""Webhooks signed with a vendor's private key: RSA, ECDSA or Ed25519, with public keys that are given or fetched."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NoReturn

from hub.errors import RetryLater, Unauthenticated
from hub.sdk.connector import Clock
from hub.sdk.http import HttpClient

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "RS1"]
Keys = Mapping[str, str]
"""Public keys in PEM by their key id."""

LIFETIME = 3600.0
REFETCH = 60.0


def verify_public_key(keys: str | Iterable[str], body: bytes, given: str, *, algorithm: Algorithm = "RS256") -> None:
    """Raise `Unauthenticated` unless ``given`` (base64) is the signature of ``body`` under one of the public ``keys`` in PEM.

    ``RS1`` is RSA with SHA-1, which some older senders still use. The algorithm is fixed by the caller, never taken from the request.
    """
    try:
        signature = base64.b64decode(given.strip().encode("ascii", "strict"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        _refuse()
    fits = [_fits(key, body, signature, algorithm) for key in ([keys] if isinstance(keys, str) else list(keys))]
    if not signature or True not in fits:
        _refuse()


class KeyRing:
    """A vendor's public keys, fetched from its address (a JWKS document or PEM) and kept.

    A key id that is not known makes it look again, at most once a minute: anybody can invent key ids. While the address does not
    answer, the keys that are known stay good.
    """

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        url: str,
        *,
        read: Callable[[bytes], Keys] | None = None,
        lifetime: float = LIFETIME,
        refetch: float = REFETCH,
    ) -> None:
        self._http, self._clock, self._url = http, clock, url
        self._read = read or read_keys
        self._lifetime, self._refetch = lifetime, refetch
        self._keys: Keys = {}
        self._fetched_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, key_id: str = "") -> list[str]:
        """The key with this id, or all keys where the sender names none. Raises `Unauthenticated` when there is no such key."""
        found = self._look(key_id)
        if not found:
            raise Unauthenticated("the webhook is signed with a key that its sender does not publish")
        return found

    def _look(self, key_id: str) -> list[str]:
        with self._lock:
            age = self._clock.monotonic() - self._fetched_at
            if age > self._lifetime or (not self._chosen(key_id) and age > self._refetch):
                self._fetch()
            return self._chosen(key_id)

    def _chosen(self, key_id: str) -> list[str]:
        if not key_id:
            return list(self._keys.values())
        return [self._keys[key_id]] if key_id in self._keys else []

    def _fetch(self) -> None:
        # The time is set first: an address that fails is not asked again for every request that comes in.
        self._fetched_at = self._clock.monotonic()
        try:
            self._keys = self._read(self._http.get(self._url, deadline=5).raise_for().body)
        except RetryLater:
            if not self._keys:
                self._fetched_at = float("-inf")
                raise


def read_keys(document: bytes) -> Keys:
    """The public keys in a JWKS document, or a single key or certificate in PEM (under the id "")."""
    if document.lstrip().startswith(b"-----BEGIN"):
        return {"": _pem_of(document)}
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet, OctKey

    from hub.errors import InputRefused
    from hub.sdk.jsonio import read_object

    try:
        found = KeySet.import_key_set(read_object(document))  # type: ignore[arg-type]
        keys: list[Any] = [key for key in found.keys if not isinstance(key, OctKey)]
        return {key.kid or "": key.as_pem(private=False).decode() for key in keys}
    except (InputRefused, JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise RetryLater("the address of the webhook keys does not answer with keys") from None


def _pem_of(document: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if b"BEGIN CERTIFICATE" not in document:
        return document.decode("ascii", "replace")
    public = x509.load_pem_x509_certificate(document).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _fits(pem: str, body: bytes, signature: bytes, algorithm: Algorithm) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    try:
        key: Any = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        return False
    kind: type[Any] = {"ES256": ec.EllipticCurvePublicKey, "EdDSA": ed25519.Ed25519PublicKey}.get(
        algorithm, rsa.RSAPublicKey
    )
    if not isinstance(key, kind):
        return False
    digest = hashes.SHA1() if algorithm == "RS1" else hashes.SHA256()  # noqa: S303 - the sender's choice, and told so
    try:
        if algorithm == "EdDSA":
            key.verify(signature, body)
        elif algorithm == "ES256":
            key.verify(_as_der(signature), body, ec.ECDSA(digest))
        elif algorithm == "PS256":
            key.verify(signature, body, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)
        else:
            key.verify(signature, body, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True


def _as_der(signature: bytes) -> bytes:
    """ECDSA signatures come as DER, or as two plain numbers of 32 bytes (as in a JWT)."""
    if len(signature) != 64:
        return signature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def _refuse() -> NoReturn:
    raise Unauthenticated("the signature of the webhook is missing or wrong")
