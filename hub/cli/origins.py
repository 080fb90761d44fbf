"""Where the values of recorded messages came from: the lineage that every translation and rendering left in the trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from hub.cli.opening import catalog
from hub.cli.views.console import out, safe
from hub.errors import HubError, MappingError
from hub.project import Project
from hub.sdk.jsonio import read_json
from hub.store import Store
from hub.telemetry.redaction import redact_data


@dataclass(frozen=True, slots=True)
class Told:
    """One translation or rendering: what it was, the origins of its values, or why they cannot be told any more."""

    message: int
    what: str
    origins: list[dict[str, Any]]
    gone: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        said: dict[str, Any] = {"message": self.message, "step": self.what, "values": self.origins}
        return {**said, "gone": self.gone} if self.gone else said


def origins(project: Project, store: Store, views: list[Any], path: str) -> list[Told]:
    """The lineage of every step of these traces that made a record, whole or at one path of the record."""
    from hub.runtime.assembly import load_mappings

    mappings = load_mappings(project, catalog())
    steps = [
        (view.message["id"], step)
        for view in views
        for step in view.steps
        if step["lineage"] and step["outcome"] == "ok"
    ]
    sources = store.payloads({step["before"] for _, step in steps if step["before"]})
    return [
        told for message, step in steps for told in _of_step(mappings, message, step, sources.get(step["before"]), path)
    ]


def _of_step(mappings: Any, message: int, step: dict[str, Any], body: bytes | None, path: str) -> Iterator[Told]:
    kept = step["lineage"]
    what = f"{step['name']} {kept['mapping']}"
    if body is None:
        yield Told(message, what, [], "the payload is not kept any more")
        return
    try:
        lineage = mappings.lineage(kept, read_json(body), kept.get("meta", {}))
        found = lineage.at(path) if path else lineage.origins
    except MappingError as error:
        yield Told(message, what, [], f"{error.message} {error.fix}")
        return
    except HubError as error:
        yield Told(message, what, [], error.message)
        return
    if found:
        yield Told(message, what, [dict(redact_data(one.as_dict())) for one in found])


def show_origins(told: list[Told], path: str) -> None:
    """The lineage, a block for each value."""
    from hub.mapping.tools.data import one_line

    console = out()
    if not told:
        console.print(
            Text(f"no record of these messages has a value at {path}" if path else "no lineage was recorded", "quiet")
        )
    for one in told:
        console.print(Text.assemble((f"message {one.message}", "name"), f"  {safe(one.what)}"))
        if one.gone:
            console.print(Text(f"  {safe(one.gone)}", "wait"))
        for origin in one.origins:
            console.print(
                Text.assemble("  ", (safe(origin["at"] or "the whole"), "name"), (f"  {safe(origin['line'])}", "key"))
            )
            for word, reads in (("reads", origin.get("data", {})), ("decided by", origin.get("control", {}))):
                for source, value in reads.items():
                    console.print(Text(f"      {word:<10} {safe(source)} = {safe(one_line(value, 100))}"))
            if lookup := origin.get("lookup"):
                console.print(
                    Text(
                        f"      lookup     {safe(lookup['table'])} row {lookup['row']}, version {lookup['version'][:8]}"
                    )
                )
            if origin.get("link"):
                console.print(Text(f"      link       {safe(origin['link'])}"))
            if origin.get("branches"):
                console.print(Text(f"      branch     {safe(', '.join(origin['branches']))}"))
            if origin.get("filters"):
                console.print(Text(f"      filters    {', '.join(origin['filters'])}"))
