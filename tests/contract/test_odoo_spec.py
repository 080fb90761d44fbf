"""All that the Odoo connector asks of its server, against what a server says of its models: the simulator always, a real Odoo where it is at hand."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import connectors.odoo
from connectors.odoo import OdooConnector
from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.describe import describe, in_use
from connectors.odoo.simulator import OdooSimulator
from hub.sdk.testing.conformance import run
from hub.sdk.testing.io import make_io
from hub.sdk.testing.specs import Checked, check, load, moving
from hub.sdk.testing.specs.odoo import Odoo, used

SOURCE = Path(connectors.odoo.__file__).parent
FILES = sorted((Path(os.environ.get("HUB_VENDOR_SPECS", "../shared/specs")) / "odoo").glob("*fields*.json"))


def described(config: dict[str, Any]) -> dict[str, Any]:
    host = urlsplit(config["url"]).hostname or ""
    client = OdooClient(OdooConfig(**config), make_io(allow_hosts=[host], deadline=60).http)
    return describe(client, in_use())


def of_simulator(version: str = "19.0") -> Odoo:
    simulator = OdooSimulator(version=version)
    with simulator.serve() as server:
        found = described(simulator.connection_config(server.url))
    return Odoo(found["models"], f"simulated {version}")


@pytest.fixture(scope="module")
def simulated() -> Odoo:
    return of_simulator()


@pytest.fixture(scope="module")
def own(simulated: Odoo) -> Checked:
    return check(OdooConnector, simulated)


def broken(checked: Checked) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.said) for one in checked.broken]


@pytest.mark.parametrize("version", ["18.0", "19.0"])
def test_everything_fits_the_simulators_models(version: str) -> None:
    checked = check(OdooConnector, of_simulator(version))
    assert broken(checked) == []
    assert checked.uses["models"] > 20
    assert checked.uses["names"] > 400
    assert checked.uses["reads"] > 150


def test_a_file_of_it_can_be_checked_and_moving_from_18_to_19_told(simulated: Odoo, tmp_path: Path) -> None:
    for name, description in {"18": of_simulator("18.0"), "19": simulated}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"models": description.models}))
    now, then = (check(OdooConnector, load([tmp_path / f"{name}.json"])) for name in ("18", "19"))
    assert {one.what for one in now.misfits} >= {"sale.order.line.tax_ids"}
    assert {one.what for one in moving(now, then).misfits} == {
        "sale.order.line.tax_id",
        "stock.move.group_id",
        "stock.move.name",
    }
    assert moving(now, then).broken == [], "what differs is asked for before it is used"


@pytest.mark.skipif(
    not FILES,
    reason="no description of a real Odoo is at hand: put one into HUB_VENDOR_SPECS/odoo as odoo-19.fields.json",
)
def test_everything_fits_a_real_odoos_models() -> None:
    assert broken(check(OdooConnector, load(FILES))) == []


@pytest.mark.odoo
@pytest.mark.timeout(300)
def test_the_connector_and_the_simulator_fit_a_running_odoo(simulated: Odoo) -> None:
    given = {
        name: os.environ.get(f"HUB_TEST_ODOO_{key}", "")
        for name, key in {"url": "URL", "database": "DB", "api_key": "KEY"}.items()
    }
    if not all(given.values()):
        pytest.skip("No Odoo is configured. `make test-odoo` starts one.")
    real = Odoo(described({**given, "deadline": 60})["models"], "real")
    assert broken(check(OdooConnector, real)) == []
    assert differences(simulated, real) == []


def differences(simulated: Odoo, real: Odoo) -> list[str]:
    """What the simulator would take and the real one would not."""
    found = []
    for model, ours in simulated.models.items():
        theirs = real.models.get(model)
        if theirs is None:
            found.append(f"{model}: not a model")
            continue
        for name, field in ours["fields"].items():
            other = theirs["fields"].get(name)
            if other is None:
                found.append(f"{model}.{name}: no such field")
            elif (field["type"], field.get("relation") or "") != (other["type"], other.get("relation") or ""):
                found.append(f"{model}.{name}: {field['type']} here, {other['type']} there")
        for name, method in ours.get("methods", {}).items():
            other = theirs["methods"].get(name)
            if other is None:
                found.append(f"{model}.{name}(): no such method")
            elif not any(one.get("kind") for one in other["parameters"].values()):
                found += [f"{model}.{name}({one})" for one in method["parameters"] if one not in other["parameters"]]
    return found


# --- the proof that nothing is left out


SHOWN = (
    "check_says_that_all_is_well", "poll_finds_everything", "poll_sees_a_change", "fetch_gives_the_record_as_it_is_now",
    "find_by_the_natural_key", "a_write_has_one_effect", "an_effect_can_be_looked_up", "an_update_changes_the_record",
    "a_deletion_may_be_repeated", "exactly_one_effect_when_the_answer_is_lost",
)  # fmt: skip


@pytest.mark.timeout(300)
def test_whatever_a_run_sends_was_known_from_the_source() -> None:
    """Every model, method and field in the requests of a run of the kit is among those that were read from the source."""
    made: list[OdooSimulator] = []

    def simulator() -> OdooSimulator:
        made.append(OdooSimulator())
        return made[-1]

    report = run(OdooConnector, simulator=simulator, only=SHOWN)
    assert report.count("failed") == 0
    sent = {
        use for sim in made for entry in sim.journal if entry.path.startswith("/json/2/") for use in in_request(entry)
    }
    known = {one for use in used(SOURCE, "connectors.odoo").uses for one in use.names()}
    assert len(sent) > 250
    assert sorted(sent - known) == []


def in_request(entry: Any) -> Iterator[tuple[str, str]]:
    """(model, name) for everything of Odoo's that a request names."""
    model, _, method = entry.path.removeprefix("/json/2/").partition("/")
    body = json.loads(entry.body)
    yield model, f"{method}()"
    for term in body.get("domain") or []:
        if isinstance(term, list):
            yield model, term[0]
    yield from ((model, name) for name in body.get("fields") or [])
    yield from ((model, part.split()[0]) for part in (body.get("order") or "").split(",") if part)
    values = body.get("vals_list") or body.get("vals") or []
    for one in values if isinstance(values, list) else [values]:
        yield from ((model, name) for name in one)


# --- the proof that a wrong name is found


def names_in_code(made: Any, followed: set[tuple[str, int, int]]) -> Iterator[Any]:
    """Every text of the code that is one of Odoo's names."""
    for path in sorted(SOURCE.rglob("*.py")):
        file = str(path.relative_to(SOURCE))
        body = path.read_text(encoding="utf-8")
        lines = body.splitlines(keepends=True)
        for node in ast.walk(ast.parse(body)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and (file, node.lineno, node.col_offset) in followed
            ):
                before = lines[node.lineno - 1].encode()[: node.col_offset].decode()
                start = sum(len(line) for line in lines[: node.lineno - 1]) + len(before) + 1
                if body[start : start + len(node.value)] == node.value:
                    yield made(file, start, node.lineno, node.value)


@pytest.mark.timeout(500)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_of_twenty_misspelt_names_are_found(seed: int, own: Checked, simulated: Odoo, mutants: Any) -> None:
    followed = {(str(Path(one.file).resolve().relative_to(SOURCE)), one.line, one.column) for one in own.followed}
    names = list(names_in_code(mutants.Name, followed))
    assert len(names) > 400
    chosen = mutants.twenty(names, seed)

    def found(folder: Path) -> set[tuple[str, int, str]]:
        told = check(OdooConnector, simulated, folder).misfits
        return {
            (str(Path(one.file).resolve().relative_to(folder.resolve())), one.line, f"{one.what} {one.said}")
            for one in told
        }

    assert mutants.not_found(SOURCE, chosen, found) == []
