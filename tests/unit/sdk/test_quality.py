"""The grade that a connector claims is held against what was shown."""

from __future__ import annotations

from pathlib import Path

import pytest

import connectors
from hub.errors import ConfigError
from hub.sdk.testing.conformance import Finding, Report
from hub.sdk.testing.page import page as page_of
from hub.sdk.testing.quality import claims, doubts
from hub.sdk.testing.specs import Checked

GOOD = """\
quality: 1
grade: gold
bronze:
  conformance: {status: done}
gold:
  published_schema: {status: done}
  webhooks: {status: exempt, comment: "it sends none"}
platinum:
  real_system: {status: todo, comment: "not yet"}
"""
SHIPPED = sorted(path.parent for path in Path(connectors.__path__[0]).glob("*/connector.py"))


def said(folder: Path, text: str, reached: str | None = "gold", fits: bool | None = None) -> list[tuple[str, str]]:
    (folder / "quality.yaml").write_text(text)
    return [(str(one.where), one.message) for one in doubts(folder, reached, fits=fits)]


def test_a_claim_that_holds(tmp_path):
    for reached in ("gold", "platinum", None):
        assert said(tmp_path, GOOD, reached, fits=True) == []


def test_a_connector_without_the_file_claims_nothing(tmp_path):
    assert doubts(tmp_path, "none") == []


@pytest.mark.parametrize(
    ("old", "new", "reached", "where", "words"),
    [
        ("", "", "silver", "quality.yaml:2", "gold is claimed, and the run reached silver"),
        ("", "", "none", "quality.yaml:2", "the run reached none"),
        ("grade: gold", "grade: platinum", "platinum", "quality.yaml:9", "real_system is left to do"),
        ('exempt, comment: "it sends none"', "exempt", "gold", "quality.yaml:7", "does not say why"),
    ],
)
def test_a_claim_that_does_not_hold(tmp_path, old, new, reached, where, words):
    ((at, message),) = said(tmp_path, GOOD.replace(old, new), reached)
    assert at == where
    assert words in message


def test_a_source_that_does_not_fit_is_no_published_schema_done(tmp_path):
    assert said(tmp_path, GOOD, fits=False) == [("quality.yaml:6", "the source does not fit the vendor's description.")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quality: 2\ngrade: gold\n",
        "quality: 1\ngrade: diamond\n",
        GOOD.replace("done", "maybe"),
        GOOD + "copper: {}\n",
        "- 1\n",
    ],
)
def test_a_file_that_cannot_be_read_as_one(tmp_path, text):
    (tmp_path / "quality.yaml").write_text(text)
    with pytest.raises(ConfigError) as told:
        claims(tmp_path)
    assert str(told.value.where).startswith("quality.yaml:")


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_nothing_is_left_to_do_at_the_level_that_a_shipped_connector_claims(folder):
    assert len(SHIPPED) >= 5
    assert doubts(folder, None) == []


DOCS = Path(connectors.__path__[0]).parent / "docs"
REPORTS = sorted((DOCS / "connectors").glob("*-quality.md"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_shipped_connector_claims_the_grade_of_its_report_in_the_documents(folder):
    """`make quality` writes the reports again."""
    found = claims(folder)
    report = DOCS / "connectors" / f"{folder.name}-quality.md"
    assert found is not None
    assert report.read_text().splitlines()[0] == f"# The grade of the connector {folder.name}: {found[0].grade}"
    assert f"({report.name})" in (DOCS / "connectors" / f"{folder.name}.md").read_text()
    assert f"](docs/connectors/{report.name})" in (DOCS.parent / "README.md").read_text()


@pytest.mark.parametrize("page", REPORTS, ids=lambda page: page.stem)
def test_a_report_in_the_documents_has_every_behaviour_and_none_that_failed(page):
    from hub.sdk.testing.behaviours import BEHAVIOURS

    text = page.read_text()
    assert [name for name in BEHAVIOURS if f"| `{name}` |" not in text] == []
    assert "**failed**" not in text


def test_a_report_has_the_lower_grade_of_what_was_shown_and_what_is_claimed(tmp_path):
    (tmp_path / "quality.yaml").write_text(GOOD)
    found = claims(tmp_path)
    assert found is not None
    shown = Report("acme", [Finding("poll_finds_everything", "order", "passed")])
    assert shown.grade == "platinum"
    assert page_of(shown, found[0]).startswith("# The grade of the connector acme: gold\n")
    assert "| real_system | todo | not yet |" in page_of(shown, found[0])
    poor = Report("acme", [Finding("text_survives", "order", "failed", "it did not")])
    assert page_of(poor, found[0]).startswith("# The grade of the connector acme: bronze\n")


def test_a_page_says_what_was_shown_and_what_was_not():
    report = Report(
        "acme",
        [
            Finding("poll_finds_everything", "order", "passed"),
            Finding("poll_finds_everything", "price", "failed", "2 | 3"),
        ],
    )
    spec = Checked("openapi.yaml", "openapi", {"requests": 3, "reads": 5}, [])
    text = page_of(report, None, spec)
    assert "[held against](../sdk/published-descriptions.md) openapi.yaml: it fits (3 requests, 5 reads)." in text
    assert "| `poll_finds_everything` | shown: order; **failed**: price (2 \\| 3) |" in text
    assert "| `close_may_be_called_twice` | not tried |" in text
