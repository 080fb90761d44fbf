"""`hub connector check`: the conformance kit, and the connector's source against the vendor's published description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hub.cli.views.console import out, safe
from hub.documents.problems import did_you_mean
from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.sdk.testing.conformance import Report
    from hub.sdk.testing.quality import Claims
    from hub.sdk.testing.specs import Checked


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of an examination: of the behaviours, of the source against its description, and of the move to another one."""

    report: Report
    spec: Checked | None
    against: Checked | None
    doubts: list[ConfigError]
    """Why the grade that the connector's quality.yaml claims does not hold."""
    claims: Claims | None = None
    """What its quality.yaml claims."""

    @property
    def fails(self) -> bool:
        """Does something not hold? What would break by moving to another description is told and fails nothing."""
        return bool(self.report.count("failed") or self.doubts or (self.spec is not None and self.spec.broken))

    def as_dict(self) -> dict[str, Any]:
        """The examination as JSON data."""
        made = self.report.as_dict()
        made["claimed"] = self.claims.grade if self.claims is not None else None
        made["doubts"] = [{"said": one.message, "where": str(one.where), "fix": one.fix} for one in self.doubts]
        if self.spec is not None:
            made["spec"] = self.spec.as_dict()
        if self.against is not None:
            made["against"] = self.against.as_dict()
        return made


def examine(
    name: str,
    *,
    only: Sequence[str],
    specs: Sequence[Path],
    against: Sequence[Path],
    source: Path | None,
    mappings: Path | None = None,
    run: bool,
) -> Examined:
    """Examine a connector. ``run`` = with its behaviours, or ``only`` those named."""
    from hub.cli.mapped import mapped_fields
    from hub.cli.opening import catalog
    from hub.sdk.testing.conformance import Report
    from hub.sdk.testing.quality import FILE, claims, doubts
    from hub.sdk.testing.specs import check, load, moving, source_of

    if against and not specs:
        raise ConfigError(
            "there is nothing to compare with.", code="CLI-USAGE", fix="Give the description in use with --spec."
        )
    if not run and not specs:
        raise ConfigError(
            "there is nothing to check the source against.", code="CLI-USAGE", fix="Give the description with --spec."
        )
    connector = catalog().get(name)
    fields = mapped_fields(mappings_of(name, mappings), name) if specs else []
    spec = check(connector, load(specs), source, fields) if specs else None
    other = check(connector, load(against), source, fields) if against else None
    moved = moving(spec, other) if spec is not None and other is not None else None
    report = _behaviours(name, connector, only) if run else Report(name)
    folder, file = source or source_of(connector)[0], f"{name}/{FILE}"
    found = claims(folder, file)
    reached = report.grade if run and not only else None
    fits = None if spec is None else not spec.broken
    doubtful = doubts(folder, reached, fits=fits, name=file)
    return Examined(report, spec, moved, doubtful, found[0] if found is not None else None)


def mappings_of(name: str, folder: Path | None) -> list[Path]:
    """The folder of a connector's mappings that is named, or its own and what the project here has for it."""
    from hub.cli.opening import catalog

    if folder is not None and not folder.is_dir():
        raise ConfigError("there is no such folder.", code="CFG-SOURCE", where=str(folder))
    return [folder] if folder is not None else [catalog().mappings_dir(name), Path("mappings") / name]


def _behaviours(name: str, connector: Any, only: Sequence[str]) -> Report:
    from hub.cli.opening import simulator
    from hub.cli.views.progress import track
    from hub.sdk.testing.behaviours import BEHAVIOURS
    from hub.sdk.testing.conformance import Report, run

    simulated = simulator(name)
    unknown = [one for one in only if one not in BEHAVIOURS]
    if unknown:
        raise ConfigError(
            f"there is no behaviour {unknown[0][:60]!r}.", code="CLI-USAGE", fix=did_you_mean(unknown[0], BEHAVIOURS)
        )
    report = Report(name)
    for behaviour in track(only or list(BEHAVIOURS), "checking"):
        report.findings += run(connector, simulator=simulated, only=[behaviour]).findings
    return report


def show(examined: Examined) -> None:
    """Print what does not hold, and the grade."""
    report = examined.report
    for finding in report.findings:
        if finding.outcome in {"failed", "unproven"}:
            style = "bad" if finding.outcome == "failed" else "wait"
            where = f"{finding.behaviour} {finding.stream}".strip()
            out().print(Text.assemble((f"{finding.outcome:<9}", style), (where, "name"), f"  {safe(finding.said)}"))
    if examined.spec is not None:
        _show_checked(examined.spec, f"{examined.spec.description}: ")
    if examined.against is not None:
        _show_checked(examined.against, f"moving to {examined.against.description}: ")
    for doubt in examined.doubts:
        out().print(
            Text.assemble((f"{'doubt':<11}", "bad"), (str(doubt.where), "name"), f"  {doubt.message} {doubt.fix}")
        )
    if report.findings:
        counts = ", ".join(
            f"{report.count(outcome)} {outcome}" for outcome in ("passed", "failed", "unproven", "declared")
        )
        grade = ("none", "bad") if report.grade == "none" else (report.grade, "good")
        out().print(Text.assemble((report.connector, "name"), ": grade ", grade, f"  ({counts})"))


def _show_checked(checked: Checked, title: str) -> None:
    for one in checked.misfits:
        style = "bad" if one.breaks else "wait"
        said = Text.assemble((f"{one.kind:<11}", style), (f"{one.file}:{one.line}", "name"), f"  {safe(one.said)}")
        out().print(said)
    uses = ", ".join(f"{count} {what}" for what, count in checked.uses.items())
    broken, rest = len(checked.broken), len(checked.misfits) - len(checked.broken)
    verdict = (f"{broken} misfit{'' if broken == 1 else 's'}", "bad") if broken else ("it fits", "good")
    more = f", {rest} to know of" if rest else ""
    out().print(Text.assemble((title, "name"), verdict, f"{more}  ({uses})"))
