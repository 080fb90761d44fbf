"""The conformance kit: does a connector keep the contract? One line in a test file makes a pytest class of it.

    TestShopify = conformance(ShopifyConnector, simulator=ShopifySimulator)

Every behaviour runs against a fresh simulator over real HTTP, once for each stream that claims the operation it is about. What a
connector declares as unsupported is skipped with that reason; so is what the simulator has no hook for. `run` does the same
without pytest, and grades: a connector has the highest level at which, and below which, nothing failed. From gold on, what could
not be shown for want of a hook counts as not shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.sdk.connector import Connector
from hub.sdk.testing.behaviours import BEHAVIOURS, Behaviour, Level
from hub.sdk.testing.bench import Bench, NotConformant, NotProvable, claimed
from hub.sdk.testing.simulator import NotApplicable, NotOffered, Simulator

Make = Callable[[], Simulator]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one behaviour on one stream: "passed", "failed", "declared" (not claimed) or "unproven" (no hook)."""

    behaviour: str
    stream: str
    outcome: str
    said: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """What came of all behaviours."""

    connector: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def grade(self) -> str:
        """ "bronze" to "platinum", or "none"."""
        reached = "none"
        for level in Level:
            names = {name for name, one in BEHAVIOURS.items() if one.level == level}
            bad = {"failed"} if level < Level.GOLD else {"failed", "unproven"}
            if any(finding.outcome in bad for finding in self.findings if finding.behaviour in names):
                break
            reached = level.name.lower()
        return reached

    def count(self, outcome: str) -> int:
        """How many findings have this outcome."""
        return sum(finding.outcome == outcome for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "connector": self.connector,
            "grade": self.grade,
            "counts": {outcome: self.count(outcome) for outcome in ("passed", "failed", "declared", "unproven")},
            "findings": [
                {
                    "behaviour": one.behaviour, "stream": one.stream, "outcome": one.outcome, "said": one.said,
                    "level": BEHAVIOURS[one.behaviour].level.name.lower(), "seconds": one.seconds,
                }
                for one in self.findings
            ],
        }  # fmt: skip


def streams_for(connector: type[Connector[Any]], behaviour: Behaviour) -> list[str]:
    """The streams that claim what a behaviour is about."""
    return [name for name, stream in connector.manifest.streams.items() if claimed(stream, behaviour.needs)]


def show(
    connector: type[Connector[Any]],
    behaviour: Behaviour,
    stream: str,
    simulator: Make,
    config: Mapping[str, Any] | None,
) -> None:
    """Run one behaviour. Raises `NotConformant` where it does not hold, and `NotProvable` where it cannot be shown."""
    with Bench(connector, simulator, config, behaviour.deadline) as bench:
        try:
            if behaviour.needs:
                behaviour.run(bench, stream)
            else:
                behaviour.run(bench)
        except NotOffered as e:
            raise NotProvable(str(e), declared=isinstance(e, NotApplicable)) from None
        if bench.server.errors:
            raise NotConformant(f"the simulator itself failed: {bench.server.errors[0]!r}")


def run(
    connector: type[Connector[Any]],
    *,
    simulator: Make,
    config: Mapping[str, Any] | None = None,
    only: Iterable[str] = (),
) -> Report:
    """Run all behaviours, or ``only`` those named, and report."""
    report = Report(connector.manifest.name)
    wanted = set(only)
    for behaviour in BEHAVIOURS.values():
        if wanted and behaviour.name not in wanted:
            continue
        streams = streams_for(connector, behaviour) if behaviour.needs else [""]
        if not streams:
            report.findings.append(Finding(behaviour.name, "", "declared", f"no stream claims {behaviour.needs}"))
        for stream in streams:
            report.findings.append(_finding(connector, behaviour, stream, simulator, config))
    return report


def _finding(
    connector: type[Connector[Any]],
    behaviour: Behaviour,
    stream: str,
    simulator: Make,
    config: Mapping[str, Any] | None,
) -> Finding:
    began = time.monotonic()
    outcome, said = "passed", ""
    try:
        show(connector, behaviour, stream, simulator, config)
    except NotProvable as e:
        outcome, said = "declared" if e.declared else "unproven", str(e)
    except Exception as e:  # noqa: BLE001
        outcome, said = "failed", str(e) if isinstance(e, NotConformant) else f"{type(e).__name__}: {e}"
    return Finding(behaviour.name, stream, outcome, said, round(time.monotonic() - began, 3))


def conformance(
    connector: type[Connector[Any]],
    *,
    simulator: Make,
    config: Mapping[str, Any] | None = None,
    skip: Mapping[str, str] | None = None,
    streams: Iterable[str] = (),
) -> type:
    """A pytest class with one test for each behaviour, and one parameter for each stream that it is about.

    ``config`` adds to the settings that the simulator gives. ``skip`` names behaviours that are not shown, each with its reason.
    ``streams`` shows only these, for a connector that treats all alike.
    """
    chosen = set(streams)
    methods = {
        f"test_{name}": _method(connector, one, simulator, config, skip or {}) for name, one in BEHAVIOURS.items()
    }

    def pytest_generate_tests(_: Any, metafunc: Any) -> None:
        import pytest

        behaviour = BEHAVIOURS[metafunc.function.__name__.removeprefix("test_")]
        if behaviour.needs:
            fit: list[Any] = [name for name in streams_for(connector, behaviour) if not chosen or name in chosen]
            nobody = pytest.param("", marks=pytest.mark.skip(f"no stream claims {behaviour.needs}"), id="none")
            metafunc.parametrize("stream", fit or [nobody])

    title = f"Test{connector.manifest.name.title()}"
    doc = f"The conformance of the {connector.manifest.name} connector."
    return type(title, (), {"__doc__": doc, "pytest_generate_tests": pytest_generate_tests, **methods})


def _method(
    connector: type[Connector[Any]], behaviour: Behaviour, simulator: Make, config: Mapping[str, Any] | None,
    skip: Mapping[str, str],
) -> Any:  # fmt: skip
    def check(stream: str) -> None:
        import pytest

        if behaviour.name in skip:
            pytest.skip(skip[behaviour.name])
        try:
            show(connector, behaviour, stream, simulator, config)
        except NotProvable as e:
            pytest.skip(str(e))
        except NotConformant as e:
            pytest.fail(f"{behaviour.sentence}\n{e}", pytrace=False)

    if behaviour.needs:

        def test_stream(self: Any, stream: str) -> None:  # noqa: ARG001
            check(stream)

        made: Any = test_stream
    else:

        def test_whole(self: Any) -> None:  # noqa: ARG001
            check("")

        made = test_whole
    made.__name__ = made.__qualname__ = f"test_{behaviour.name}"
    made.__doc__ = behaviour.sentence
    return made


__all__ = ["BEHAVIOURS", "Finding", "Report", "conformance", "run"]
