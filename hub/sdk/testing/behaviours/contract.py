"""Behaviours of the connector as a whole: what it claims, its settings, its check, its end."""

from __future__ import annotations

from typing import Any, get_args

from packaging.specifiers import SpecifierSet
from pydantic import SecretStr, ValidationError

from hub.canonical import ENTITIES
from hub.errors import AuthFailed, ConfigError, HubError, RetryLater, Unsupported
from hub.sdk.connector import SDK_VERSION, Connector, Support
from hub.sdk.records import Health, InboundRequest, NaturalKey, OutboundRecord
from hub.sdk.redaction import is_secret_name
from hub.sdk.testing.behaviours.registry import Level, behaviour
from hub.sdk.testing.bench import Bench, claimed, require
from hub.sdk.testing.faults import ExpiredToken

OPERATIONS = ("poll", "webhook", "fetch", "find", "create", "update", "delete")
_METHODS = {
    "poll": "poll", "webhook": "webhook", "fetch": "fetch", "find": "find", "create": "deliver", "update": "deliver",
    "delete": "deliver",
}  # fmt: skip


@behaviour(Level.BRONZE)
def manifest_is_complete(bench: Bench) -> None:
    """The manifest has a name, a vendor, a title, a reference to documentation and at least one stream."""
    manifest = bench.cls.manifest
    for part in ("name", "vendor", "title", "docs"):
        require(getattr(manifest, part), f"the manifest has no {part}")
    require(manifest.streams, "the manifest has no streams")
    for name, stream in manifest.streams.items():
        require(stream.name == name, f"the stream under the name {name} calls itself {stream.name}")


@behaviour(Level.BRONZE)
def sdk_range_includes_this_sdk(bench: Bench) -> None:
    """The manifest's range of SDK versions includes this one, and has an upper end."""
    wanted = SpecifierSet(bench.cls.manifest.sdk)
    require(SDK_VERSION in wanted, f"the manifest wants the SDK {wanted}, and this is {SDK_VERSION}")
    require("99.0" not in wanted, f"the manifest's SDK range {wanted} has no upper end")


@behaviour(Level.BRONZE)
def streams_name_canonical_entities(bench: Bench) -> None:
    """Every stream belongs to an entity of the canonical model."""
    for name, stream in bench.cls.manifest.streams.items():
        require(
            stream.entity in ENTITIES, f"the stream {name} belongs to {stream.entity!r}, which is no canonical entity"
        )


@behaviour(Level.BRONZE)
def what_is_not_supported_has_a_reason(bench: Bench) -> None:
    """Every operation that is not supported says why."""
    for name, stream in bench.cls.manifest.streams.items():
        for operation in OPERATIONS:
            require(
                claimed(stream, operation) or getattr(stream, operation).reason,
                f"{operation} of {name} is not supported, and no reason is given",
            )


@behaviour(Level.BRONZE)
def streams_that_are_found_name_their_natural_key(bench: Bench) -> None:
    """A stream whose records can be found says by which field."""
    for name, stream in bench.cls.manifest.streams.items():
        require(not claimed(stream, "find") or stream.natural_key, f"{name} can be found, but has no natural_key")


@behaviour(Level.BRONZE)
def notices_speak_of_a_stream_that_is_read(bench: Bench) -> None:
    """A stream of notices names a stream of the same entity whose records can be read one by one, and is not polled or written itself."""
    streams = bench.cls.manifest.streams
    for name, stream in streams.items():
        if stream.notice_of:
            spoken_of = streams.get(stream.notice_of)
            require(spoken_of is not None and claimed(spoken_of, "fetch"), f"{name}: {stream.notice_of} cannot be read")
            require(
                spoken_of is not None and spoken_of.entity == stream.entity, f"{name} and its records differ in entity"
            )
            odd = [one for one in ("poll", "fetch", "find", "create", "update", "delete") if claimed(stream, one)]
            require(not odd, f"{name} is a stream of notices and claims {odd}")


@behaviour(Level.BRONZE)
def claims_and_methods_agree(bench: Bench) -> None:
    """What a stream claims, the class overrides; `check` always."""
    own = {name for name in {*_METHODS.values(), "check"} if getattr(bench.cls, name) is not getattr(Connector, name)}
    require("check" in own, "check is not overridden")
    for name, stream in bench.cls.manifest.streams.items():
        for operation, method in _METHODS.items():
            require(
                not claimed(stream, operation) or method in own,
                f"{name} claims {operation}, but {method} is not overridden",
            )


@behaviour(Level.SILVER)
def what_is_not_claimed_is_refused_without_a_call(bench: Bench) -> None:
    """An operation that is not claimed raises `Unsupported`, and makes no request."""
    connector = bench.connector()
    nothing = InboundRequest("POST", "/", {}, b"{}")
    for name, stream in [*bench.cls.manifest.streams.items(), ("no-such-stream", None)]:
        calls: dict[str, Any] = {
            "poll": lambda name=name: connector.poll(name, None, 1),
            "fetch": lambda name=name: connector.fetch(name, "1"),
            "find": lambda name=name: connector.find(name, NaturalKey("sku", "x")),
        }
        for operation in ("create", "update", "delete"):
            record = OutboundRecord(
                name, operation, {}, "key", "marker", external_id=None if operation == "create" else "1"
            )
            calls[operation] = lambda record=record: connector.deliver(record)
        for operation, call in calls.items():
            if stream is None or not claimed(stream, operation):
                with bench.nothing_sent(f"{operation} of {name}, which is not claimed,"):
                    _must_refuse(call, f"{operation} of {name}")
    if not any(claimed(stream, "webhook") for stream in bench.cls.manifest.streams.values()):
        _must_refuse(lambda: list(connector.webhook(nothing)), "webhook")


def _must_refuse(call: Any, what: str) -> None:
    try:
        call()
    except Unsupported:
        return
    except Exception as e:  # noqa: BLE001
        require(False, f"{what} is not claimed, and raises {type(e).__name__} instead of Unsupported")
    require(False, f"{what} is not claimed, and does something all the same")


@behaviour(Level.BRONZE)
def not_implemented_is_temporary(bench: Bench) -> None:
    """At the platinum level nothing is left as "not implemented"; before that it is allowed, with its reason."""
    for name, stream in bench.cls.manifest.streams.items():
        for operation in OPERATIONS:
            capability = getattr(stream, operation)
            require(
                capability.support is not Support.NOT_IMPLEMENTED or len(capability.reason) > 8,
                f"{operation} of {name} is not implemented, and the reason is too short to help",
            )


@behaviour(Level.BRONZE)
def settings_are_described(bench: Bench) -> None:
    """Every setting has a description, and the settings have a JSON Schema: forms and editors are made from it."""
    schema = bench.cls.Config.model_json_schema()
    for name, field in bench.cls.Config.model_fields.items():
        require(field.description, f"the setting {name} has no description")
        require(name in schema["properties"], f"the setting {name} is not in the JSON Schema")


@behaviour(Level.BRONZE)
def unknown_settings_are_refused(bench: Bench) -> None:
    """A setting with a spelling mistake is refused, not passed over."""
    given = {**bench.sim.connection_config(bench.server.url), "no_such_setting_x": 1}
    try:
        bench.cls.Config.model_validate(given)
    except ValidationError:
        return
    require(False, "an unknown setting is accepted")


@behaviour(Level.BRONZE)
def settings_cannot_be_changed(bench: Bench) -> None:
    """A connection's settings are fixed: workers that share them cannot change them for each other."""
    require(bench.cls.Config.model_config.get("frozen"), "Config is not frozen")


@behaviour(Level.BRONZE)
def secrets_are_typed_as_secrets(bench: Bench) -> None:
    """A setting whose name says that it is a secret is a `SecretStr`."""
    for name, field in bench.cls.Config.model_fields.items():
        if is_secret_name(name) and not name.endswith(("_url", "_header", "_name")):
            require(_holds_secret(field.annotation), f"the setting {name} is not a SecretStr")


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secret(part) for part in get_args(annotation))


@behaviour(Level.BRONZE)
def secrets_do_not_show_in_settings(bench: Bench) -> None:
    """Neither the settings nor the connector show a secret when they are printed or dumped."""
    require(bench.secrets, "the simulator's settings have no secret at all")
    connector = bench.connector()
    shown = f"{bench.config!r} {bench.config} {bench.config.model_dump(mode='json')} {connector!r} {connector}"
    for secret in bench.secrets:
        require(secret not in shown, "a secret shows when the settings or the connector are printed")


@behaviour(Level.BRONZE)
def making_a_connector_makes_no_call(bench: Bench) -> None:
    """A connector can be made while its system is down."""
    bench.server.stop()
    with bench.nothing_sent("making the connector"):
        bench.connector()


@behaviour(Level.BRONZE)
def check_says_that_all_is_well(bench: Bench) -> None:
    """`check` of a working connection is ok, and says so in a sentence."""
    health = bench.connector().check()
    require(isinstance(health, Health) and health.ok, f"check of a working connection says: {health}")
    require(health.summary, "check says nothing")


@behaviour(Level.BRONZE)
def check_never_writes(bench: Bench) -> None:
    """`check` has no effect at the system."""
    bench.connector().check()
    require(not bench.sim.effects(), f"check had an effect: {bench.sim.effects()[:1]}")


@behaviour(Level.SILVER)
def check_recognises_wrong_credentials(bench: Bench) -> None:
    """`check` with credentials that are not valid says so: not ok, or `AuthFailed`."""
    bench.sim.faults.add("* /", ExpiredToken(), times=50)
    try:
        health = bench.connector().check()
    except AuthFailed:
        return
    require(not health.ok, "check is ok although every call is refused")


@behaviour(Level.SILVER)
def check_survives_a_system_that_is_down(bench: Bench) -> None:
    """`check` of a system that does not answer says so with an error of the hub, not with a crash."""
    bench.server.stop()
    try:
        health = bench.connector().check()
    except (RetryLater, ConfigError):
        return
    except HubError as e:
        require(False, f"check of a system that is down raises {type(e).__name__}: {e}")
    else:
        require(not health.ok, "check is ok although the system is down")


@behaviour(Level.BRONZE)
def close_may_be_called_twice(bench: Bench) -> None:
    """`close` may be called twice, and closing one instance does not disturb another."""
    one, other = bench.connector(), bench.connector()
    one.check()
    one.close()
    one.close()
    require(other.check().ok, "another instance does not work after one was closed")
