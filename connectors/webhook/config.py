"""The settings of a generic webhook connection."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from hub.sdk.connector import ConnectorConfig

STREAMS = ("product", "variant", "customer", "warehouse", "inventory_level", "order", "shipment", "return")

TOPICS = {
    f"{topic}/{verb}": stream
    for topic, stream in (
        ("orders", "order"), ("products", "variant"), ("variants", "variant"), ("customers", "customer"),
        ("stock", "inventory_level"), ("shipments", "shipment"), ("warehouses", "warehouse"), ("returns", "return"),
    )
    for verb in ("create", "update", "updated", "cancelled", "delete")
}  # fmt: skip
"""The topics that are known without a setting."""

PROXY_HEADERS = (
    "x-forwarded-",
    "x-real-ip",
    "x-request-id",
    "x-correlation-id",
    "x-b3-",
    "x-amzn-",
    "x-cloud-trace-",
    "x-envoy-",
)
"""What load balancers add. Names that end in - stand for all that begin so."""

Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"), AfterValidator(str.lower)]


class WebhookConfig(ConnectorConfig):
    """How requests are signed, what topics mean, and where records are sent."""

    secret: SecretStr | None = Field(
        default=None, min_length=8, description="The key of the signature; none = no webhook is taken."
    )
    previous_secret: SecretStr | None = Field(default=None, description="The key before the last change, still good.")
    signature_header: Header = Field(default="x-signature", description="The header with the signature.")
    timestamp_header: Header = Field(
        default="x-timestamp", description="The header with the time, in seconds since 1970."
    )
    topic_header: Header = Field(default="x-topic", description="The header that says what a request is about.")
    event_header: Header = Field(default="x-event-id", description="The header with the id that repetitions share.")
    signed: Literal["timestamp.body", "body"] = Field(
        default="timestamp.body",
        description="What the HMAC-SHA256 covers; with body alone, old requests can be sent again.",
    )
    encoding: Literal["base64", "hex"] = Field(default="base64", description="How the signature is written.")
    tolerance: float = Field(default=300.0, gt=0, le=86_400, description="Seconds that the time stamp may be off.")
    extra_headers: tuple[str, ...] = Field(
        default=(), description="X- headers that senders may add. They are not signed, so others are refused."
    )
    topics: dict[str, str] = Field(default_factory=lambda: dict(TOPICS), description="Topic to stream.")
    id_field: str = Field(default="id", description="The field with the record's id, in what comes in and in answers.")
    version_field: str = Field(default="updated_at", description="The field that grows with every change of a record.")

    challenge_query: str = Field(
        default="",
        description="The query parameter that a vendor's test of the address wants echoed: challenge, validationToken.",
    )
    challenge_field: str = Field(
        default="", description="The field of a JSON body that a vendor's test of the address wants echoed in JSON."
    )
    challenge_proof_query: str = Field(
        default="",
        description="The query parameter in which the vendor proves itself at its test, as hub.verify_token.",
    )
    challenge_proof: SecretStr | None = Field(
        default=None, description="What the vendor proves itself with at its test."
    )

    url: str | None = Field(
        default=None, description="Where records are sent: POST to <url>/<stream>; none = nothing is sent."
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers of every call, such as Authorization."
    )
    idempotent: bool = Field(
        default=True, description="The receiver does one Idempotency-Key once, so a lost answer may be asked for again."
    )
    answers: Literal["json", "any"] = Field(
        default="json",
        description="What a success looks like: json = a JSON object, so that a login page is none; any = any 2xx answer.",
    )
    lookup: bool = Field(
        default=False, description="GET <url>/<stream>?marker=... lists the records with this marker, or natural key."
    )

    @property
    def secrets(self) -> list[str]:
        """The keys that a request may be signed with."""
        return [key.get_secret_value() for key in (self.secret, self.previous_secret) if key is not None]
