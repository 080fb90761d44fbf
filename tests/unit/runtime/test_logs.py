"""Logs: one line an event, without secrets, without a customer's data in the text of an exception."""

import json
import logging

import pytest

from hub.telemetry import configure_logging, get_logger, register_secret


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    import structlog

    structlog.reset_defaults()


def test_a_line_is_json_without_secrets(capsys):
    register_secret("canary-4711-secret")
    configure_logging("info", style="json")
    get_logger("t").info(
        "thing.done", url="https://x/?key=canary-4711-secret", api_key="abcdefgh", text="two\nlines\x1b[31m"
    )
    (line,) = capsys.readouterr().err.strip().splitlines()
    said = json.loads(line)
    assert said["event"] == "thing.done"
    assert said["level"] == "info"
    assert "canary-4711" not in line
    assert "abcdefgh" not in line
    assert "\x1b" not in line


def test_an_exception_says_its_kind_and_place_and_not_its_text(capsys):
    configure_logging("info", style="text")
    try:
        raise ValueError("anna@example.com is not valid")
    except ValueError:
        get_logger("t").exception("thing.failed", code="HUB-BUG")
    line = capsys.readouterr().err
    assert "ValueError" in line
    assert "test_logs.py" in line
    assert "anna@example.com" not in line
    assert line.count("\n") == 1


def test_other_libraries_log_in_the_same_form(capsys):
    configure_logging("info", style="json")
    logging.getLogger("some.library").warning("careful %s", "now")
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["level"], said["logger"]) == ("careful now", "warning", "some.library")
