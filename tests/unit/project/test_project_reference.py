"""The examples of the reference are projects that load."""

from __future__ import annotations

import re
from pathlib import Path

from hub.project import load

REFERENCE = Path(__file__).parents[3] / "docs" / "project" / "reference.md"


def test_the_examples_of_the_reference_load(tmp_path: Path):
    hub, flows, ownership = re.findall(r"```yaml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    erp = "  erp: {connector: odoo}\n"
    (tmp_path / "flows").mkdir()
    (tmp_path / "hub.yaml").write_text(hub + erp, encoding="utf-8")
    (tmp_path / "flows" / "main.yaml").write_text(flows, encoding="utf-8")
    (tmp_path / "ownership.yaml").write_text(ownership, encoding="utf-8")
    project = load(tmp_path, env={})
    assert project.host == "127.0.0.1"
    assert project.archive.store is not None
    assert (project.archive.store.url, project.archive.store.after) == ("s3://acme-hub/archive", 2)
    assert (project.archive.keep, project.archive.budget) == (30, 20 * 10**9)
    assert (project.connections["shop"].keep, project.connections["shop"].budget) == (90, 5 * 10**9)
    assert (project.flows[0].keep, project.flows[0].budget) == (60, 2 * 10**9)
    assert project.ownership["order"].of("lines.warehouse") == "erp"
    assert project.connections["shop"].poll["variant"].cron == "*/15 6-22 * * 1-5"


def test_a_database_password_is_resolved_when_it_is_needed(tmp_path: Path):
    (tmp_path / "hub.yaml").write_text('hub: 1\ndatabase: "postgresql+psycopg://hub:${secret:DB_PASSWORD}@db/hub"\n')
    assert load(tmp_path, env={"DB_PASSWORD": "pw-4711"}).database == "postgresql+psycopg://hub:pw-4711@db/hub"
    project = load(tmp_path, env={})
    try:
        assert project.database
    except Exception as error:
        assert "hub.yaml:2" in str(error)
        assert "DB_PASSWORD" in str(error)
    else:
        raise AssertionError("a missing password must be said")
