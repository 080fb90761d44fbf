"""Mapping tools over the recorded messages of a project: a project's own mapping extends the connector's default."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.cli.main import main
from hub.cli.views import console
from hub.project import load
from hub.project.scaffold import make_project
from hub.store import NewMessage, Store

SAMPLES = Path(__file__).parents[3] / "mappings" / "shopify" / "samples"
MINE = "mappings/shopify/order.to_canonical.yaml"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """A project with three recorded orders, and the command run in it."""
    for name in ("HUB_PROJECT", "HUB_DATABASE_URL", "HUB_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "company"
    make_project(folder)
    monkeypatch.chdir(folder)
    mine = Path(MINE)
    mine.parent.mkdir(parents=True, exist_ok=True)
    header = "mapping: 1\nfrom: shopify/order\nto: canonical/order@1\nextends: default\n"
    mine.write_text(header + "output:\n  number: \"{{ src.name | replace('#', 'N') }}\"\n")
    project = load(folder)
    shop = next(name for name, one in project.connections.items() if one.connector == "shopify")
    order = json.loads((SAMPLES / "order_webhook.json").read_text())
    store: Any = Store.open(project.database)
    bodies = [json.dumps({**order, "name": f"#{number}"}).encode() for number in (1001, 1002, 1003)]
    store.accept([NewMessage(shop, "order", f"o{n}", f"k{n}", body) for n, body in enumerate(bodies)])
    store.close()

    def call(*arguments: str) -> tuple[int, str, str]:
        console.fresh()
        capsys.readouterr()
        code = main(["map", *arguments])
        console.fresh()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


def test_case_from_a_real_message(hub: Call) -> None:
    code, out, err = hub("case", "--from-trace", "2", "--name", "a real order")
    assert code == 0, err
    assert "it is translated" in out, (
        Path("mappings/shopify/order.to_canonical.test.yaml").read_text()
        + hub("try", MINE, "mappings/shopify/samples/a_real_order.json")[1]
    )
    given = Path("mappings/shopify/samples/a_real_order.json").read_text()
    original = json.loads((SAMPLES / "order_webhook.json").read_text())
    assert original["email"] not in given
    assert original["customer"]["last_name"] not in re.sub(r"[^\w]", " ", given).split()
    assert json.loads(given)["name"] == "#1002"
    code, out, err = hub("test")
    assert (code, "1 passed" in out) == (0, True), out + err
    assert json.loads(Path("mappings/shopify/samples/a_real_order.expected.json").read_text())["number"] == "N1002"


def test_message_that_is_not_there(hub: Call) -> None:
    code, _, err = hub("case", "--from-trace", "4711")
    assert code == 1
    assert "4711" in err


def test_difference_over_traffic(hub: Call) -> None:
    draft = Path("draft/shopify/order.to_canonical.yaml")
    draft.parent.mkdir(parents=True)
    draft.write_text(Path(MINE).read_text().replace("'N'", "'No. '"))
    code, out, err = hub("diff", MINE, str(draft), "--traffic", "1000", "--json")
    assert code == 1, out + err
    said = json.loads(out)
    assert (said["records"], said["changed"]) == (3, 3)
    assert said["changes"][0]["path"] == "number"
    assert said["changes"][0]["mapping"] == f"{draft}:6"


def test_coverage_over_traffic(hub: Call) -> None:
    code, out, err = hub("coverage", MINE, "--traffic", "2", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["records"] == 2
    assert said["source"]["read"] > 50


def test_documents_of_a_project_have_what_is_in_effect(hub: Call) -> None:
    code, out, err = hub("docs", "--json")
    assert code == 0, err
    said = {(one["connector"], one["entity"], one["direction"]): one for one in json.loads(out)}
    assert ("odoo", "order", "outbound") in said
    mine = said["shopify", "order", "inbound"]
    assert mine["mapping"] == MINE
    number = next(one for one in mine["fields"] if one["field"] == "number")
    assert (number["from"], number["line"]) == ('name, with "#" replaced by "N"', f"{MINE}:6")


def test_override_of_a_default_mapping(hub: Call) -> None:
    code, _, err = hub("new", "shopify/variant", "canonical/variant", "--extends")
    assert code == 0, err
    assert hub("lint")[0] == 0
    assert hub("try", "mappings/shopify/variant.to_canonical.yaml", str(SAMPLES / "variant_valve.json"))[0] == 0
