"""The Odoo connector keeps the connector contract."""

from __future__ import annotations

from functools import partial

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.sdk.testing.conformance import conformance, run

TestOdoo = conformance(OdooConnector, simulator=OdooSimulator)


OLD = (
    "check_says_that_all_is_well", "check_recognises_wrong_credentials", "poll_finds_everything", "poll_sees_a_change",
    "poll_loses_nothing_when_all_have_the_same_time", "fetch_gives_the_record_as_it_is_now", "find_by_the_natural_key",
    "a_write_has_one_effect", "a_repeated_write_has_no_second_effect", "an_effect_can_be_looked_up", "an_update_changes_the_record",
    "exactly_one_effect_when_the_answer_is_lost", "eight_workers_write_the_same_record_once", "no_secret_shows_when_writing",
)  # fmt: skip


def test_the_same_holds_for_odoo_18_by_json_rpc() -> None:
    report = run(OdooConnector, simulator=partial(OdooSimulator, version="18.0"), only=OLD)
    assert [(f.behaviour, f.stream, f.said) for f in report.findings if f.outcome == "failed"] == []
    assert report.count("passed") > 50
