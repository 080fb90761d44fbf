"""The states that a list may be narrowed to."""

from __future__ import annotations

from hub.errors import ConfigError

MESSAGE_STATES = ("new", "leased", "waiting", "done", "filtered", "exception")
DELIVERY_STATES = ("pending", "leased", "waiting", "done", "skipped", "superseded", "failed")
EXCEPTION_STATES = ("open", "released", "resolved", "all")


def known_state(state: str | None, states: tuple[str, ...]) -> None:
    """Raises `ConfigError` with the likely spelling where there is no such state."""
    if state is not None and state not in states:
        from hub.documents.problems import did_you_mean

        raise ConfigError(f"there is no state {state[:40]!r}.", code="CLI-USAGE", fix=did_you_mean(state, states))


def known_entity(entity: str | None) -> None:
    """Refuse an entity that the canonical model does not have, with the likely spelling."""
    from hub.canonical import ENTITIES
    from hub.project.checks import unknown

    if entity is not None and entity not in ENTITIES:
        raise unknown(f"the canonical model has no entity {entity[:40]!r}.", entity, ENTITIES, "")
