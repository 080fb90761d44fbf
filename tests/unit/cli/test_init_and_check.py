"""`hub init` makes what `hub check` accepts, and `hub check` finds what is wrong, with file and line."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest


def findings(said):
    return {(found.get("where", ""), found["code"]) for found in said.json["findings"]}


def test_init_makes_a_project_that_checks(hub, tmp_path, monkeypatch):
    said = hub("init", tmp_path / "My Company", "--json")
    assert said.code == 0
    folder = tmp_path / "My Company"
    assert {"hub.yaml", "ownership.yaml", "flows/main.yaml", ".env.example", ".gitignore", "README.md"} <= set(
        said.json["files"]
    )
    assert all((folder / name).is_dir() for name in ("mappings", "lookups", "tests"))
    assert "name: my-company" in (folder / "hub.yaml").read_text()
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert ".env" in (folder / ".gitignore").read_text().splitlines()
    monkeypatch.chdir(folder)
    checked = hub("check", "--json")
    assert {code for _, code in findings(checked)} <= {"CFG-PLACEHOLDER"}
    assert checked.code == 0
    assert hub("check", "--strict").code == 2, "placeholders are warnings"


def test_init_says_what_comes_next(hub, tmp_path):
    said = hub("init", tmp_path / "acme")
    assert all(step in said.out for step in ("hub check", "hub doctor", "hub run"))


def test_two_projects_have_different_api_tokens(hub, tmp_path):
    hub("init", tmp_path / "a")
    hub("init", tmp_path / "b")
    assert (tmp_path / "a" / ".env").read_text() != (tmp_path / "b" / ".env").read_text()


def test_init_overwrites_nothing(hub, company):
    before = (company / "hub.yaml").read_text()
    said = hub("init", company)
    assert said.code == 2
    assert "is a project already" in said.err
    (company / "x").mkdir()
    (company / "x" / "file").write_text("")
    assert "is not empty (file)" in hub("init", company / "x").err
    assert "a file of this name" in hub("init", company / "x" / "file").err
    assert (company / "hub.yaml").read_text() == before


def test_init_refuses_a_name_that_cannot_be(hub, tmp_path):
    said = hub("init", tmp_path / "a", "--name", "Müller & Co")
    assert said.code == 2
    assert "CFG-NAME" in said.err
    assert not (tmp_path / "a").exists()


def test_init_demo_connects_the_simulators(hub, tmp_path, monkeypatch):
    assert hub("init", tmp_path / "try", "--demo").code == 0
    monkeypatch.chdir(tmp_path / "try")
    said = hub("check", "--strict", "--json")
    assert said.json["findings"] == []
    assert said.code == 0
    text = (tmp_path / "try" / "hub.yaml").read_text()
    assert "127.0.0.1:9101" in text
    assert "${secret:SHOP_ACCESS_TOKEN}" in text


def test_a_missing_secret_is_a_warning_here(hub, company):
    (company / ".env").unlink()
    said = hub("check", "--json")
    assert said.code == 0
    assert {found["code"] for found in said.json["findings"]} == {"CFG-SECRET"}
    assert any("SHOP_ACCESS_TOKEN" in found["message"] for found in said.json["findings"])


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "hint"),
    [
        ("hub.yaml", "connector: shopify", "connector: shopfy", "CFG-UNKNOWN", "Did you mean 'shopify'?"),
        ("hub.yaml", "access_token:", "acces_token:", "CFG-UNKNOWN", "Did you mean 'access_token'?"),
        ("hub.yaml", "order: 30s", "orders: 30s", "CFG-UNKNOWN", "Did you mean 'order'?"),
        ("hub.yaml", "your-shop.myshopify.com", "shop.example.com", "CFG-INVALID", ""),
        ("hub.yaml", "${secret:ERP_API_KEY}", "${secre:ERP_API_KEY}", "CFG-REFERENCE", "Did you mean 'secret'?"),
        ("flows/main.yaml", "entity: shipment", "entity: shipmnet", "CFG-UNKNOWN", "Did you mean 'shipment'?"),
        ("flows/main.yaml", "to: erp, when", "to: epr, when", "CFG-UNKNOWN", "Did you mean 'erp'?"),
        ("flows/main.yaml", "record.status != 'cancelled'", "record.status ! 'cancelled'", "CFG-WHEN", ""),
        (
            "ownership.yaml",
            "customer: {owner: shop}",
            "customer: {owner: shop, fields: {emial: erp}}",
            "CFG-UNKNOWN",
            "'email'",
        ),
        ("ownership.yaml", "customer:", "customer", "CFG-INVALID", "Is a ':' missing"),
        ("ownership.yaml", "{owner: shop}", "{owner: shop", "CFG-YAML", ""),
    ],
)
def test_faults_have_file_line_and_hint(hub, company, file: str, old: str, new: str, code: str, hint: str):
    path = company / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    said = hub("check", "--json")
    assert said.code == 2
    found = [one for one in said.json["findings"] if one["code"] == code and one["where"].startswith(f"{file}:{line}")]
    assert found, said.json["findings"]
    assert hint in found[0].get("fix", "")
    shown = hub("check").out
    assert f"{file}:{line}" in shown
    assert code in shown


def test_a_faulty_mapping_and_a_faulty_lookup(hub, company):
    mapping = company / "mappings" / "shopify" / "order.to_canonical.yaml"
    mapping.parent.mkdir()
    mapping.write_text(
        'mapping: 1\nfrom: shopify/order\nto: canonical/order@1\nkey: "{{ src.id }}"\noutput:\n  number: "{{ src.name | uper }}"\n'
    )
    said = hub("check", "--json")
    assert said.code == 2
    where = [found["where"] for found in said.json["findings"] if found["level"] == "error"]
    assert any(place.startswith("mappings/shopify/order.to_canonical.yaml:6") for place in where), where


def test_a_secret_in_the_file_itself(hub, company):
    file = company / "hub.yaml"
    file.write_text(file.read_text().replace("${secret:SHOP_ACCESS_TOKEN}", "shpat_plain"))
    said = hub("check", "--json")
    assert "CFG-PLAIN-SECRET" in {found["code"] for found in said.json["findings"]}
    assert "shpat_plain" not in said.out


def test_an_env_file_that_others_can_read(hub, company):
    (company / ".env").chmod(0o644)
    assert (".env", "CFG-PERMISSION") in findings(hub("check", "--json"))


def test_an_entity_that_nobody_owns(hub, company):
    (company / "ownership.yaml").write_text("order: {owner: shop}\n")
    assert ("flows/main.yaml:5", "OWN-NONE") in findings(hub("check", "--json"))


def test_check_needs_no_network_and_no_database(company):
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from hub.cli.main import main\n"
        "sys.exit(main(['check']))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=company, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert not (company / "data").exists()
