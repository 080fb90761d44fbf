from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.project.dotenv import read_dotenv
from hub.project.secrets import Secrets, references
from hub.telemetry.redaction import redact, redact_data


def secrets(tmp_path: Path, env: dict[str, str] | None = None, dotenv: dict[str, str] | None = None) -> Secrets:
    return Secrets(env or {}, dotenv or {}, tmp_path / "secrets")


def test_places_in_their_order(tmp_path: Path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "TOKEN").write_text("from-file\n")
    assert secrets(tmp_path).get("TOKEN") == "from-file"
    assert secrets(tmp_path, dotenv={"TOKEN": "from-dotenv"}).get("TOKEN") == "from-dotenv"
    assert secrets(tmp_path, {"TOKEN": "from-env"}, {"TOKEN": "from-dotenv"}).get("TOKEN") == "from-env"
    store = secrets(tmp_path)
    store.providers.append({"OTHER": "from-store"}.get)
    assert store.get("OTHER") == "from-store"
    assert store.get("NONE") is None


def test_references_inside_text_and_escapes(tmp_path: Path):
    found = secrets(tmp_path, {"A": "aaaaaaaa", "HOST": "db"}).resolve(
        {
            "url": "postgresql://u:${secret:A}@${env:HOST}/x",
            "plain": "$${secret:A}",
            "list": ["${ env : HOST }"],
            "n": 1,
        }
    )
    assert found == {"url": "postgresql://u:aaaaaaaa@db/x", "plain": "${secret:A}", "list": ["db"], "n": 1}


def test_everything_missing_is_named_at_once(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        secrets(tmp_path, {"B": ""}).resolve(
            {"a": "${secret:A}", "b": "${secret:B}"}, lambda path: f"hub.yaml:{path[0]}"
        )
    assert "the secret A is not set" in str(caught.value)
    assert "hub.yaml:b: the secret B is set, but empty" in str(caught.value)


@pytest.mark.parametrize("text", ["${secrt:A}", "${A}", "${secret:../../etc/passwd}", "${secret:}"])
def test_what_is_no_reference(tmp_path: Path, text: str):
    with pytest.raises(ConfigError) as caught:
        secrets(tmp_path, {"A": "x"}).resolve(text, "hub.yaml:3")
    assert (caught.value.code, caught.value.where) == ("CFG-REFERENCE", "hub.yaml:3")


def test_resolved_secrets_are_masked_everywhere(tmp_path: Path):
    canary = "canary/4711 ünïcode"
    secrets(tmp_path, {"C": canary}).get("C")
    assert canary not in redact(f"sent {canary} away")
    assert redact_data({"a": [f"x{canary}"], "access_token": "short", "id": 7}) == {
        "a": ["x***"],
        "access_token": "***",
        "id": 7,
    }
    assert "canary" not in redact("canary%2F4711%20%C3%BCn%C3%AFcode")
    assert redact("postgresql+psycopg://hub:pw@db/hub") == "postgresql+psycopg://hub:***@db/hub"


def test_references_are_listed_without_resolving():
    found = references({"a": "${secret:X}", "b": ["${env:Y}", "$${secret:Z}"]})
    assert found == [(("a",), "secret", "X"), (("b", 0), "env", "Y")]


def test_dotenv(tmp_path: Path):
    file = tmp_path / ".env"
    assert read_dotenv(file) == {}
    file.write_text("# head\n\nA=1\nexport B = two words # comment\nC=\"quoted # kept\"\nD='$x'\nE=\nF=#none\nG=a#b\n")
    assert read_dotenv(file) == {
        "A": "1", "B": "two words", "C": "quoted # kept", "D": "$x", "E": "", "F": "", "G": "a#b",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["hunter2", "A='hunter2", 'A="hunter2" x'])
def test_dotenv_faults_name_the_line_and_never_the_content(tmp_path: Path, line: str):
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_dotenv(tmp_path / ".env")
    assert caught.value.where == ".env:2"
    assert "hunter2" not in str(caught.value)
