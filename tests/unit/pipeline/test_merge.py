"""Merging by ownership: a pure function."""

from __future__ import annotations

import pytest

from hub.canonical import InventoryLevel
from hub.pipeline.context import Ownership
from hub.pipeline.merge import is_stale, merge, seen_version

OWNERS = Ownership("erp", {"name": "shop"})


def test_the_first_to_tell_may_say_everything() -> None:
    result = merge(None, {"sku": "A", "name": {"en": "Valve"}}, "anybody", OWNERS)
    assert (result.changed, result.dropped) == (("name", "sku"), ())


def test_only_the_owner_changes_a_field_and_the_rest_is_recorded() -> None:
    known = {"sku": "A", "name": {"en": "Valve"}, "gtin": "1"}
    result = merge(known, {"name": {"en": "Ball valve"}, "gtin": "2", "sku": "A"}, "shop", OWNERS)
    assert result.data == {"sku": "A", "name": {"en": "Ball valve"}, "gtin": "1"}
    assert (result.changed, result.dropped) == (("name",), ("gtin",))
    assert merge(known, {"name": None}, "erp", OWNERS).dropped == ("name",)


def test_absent_is_not_said_and_null_is_empty() -> None:
    known = {"sku": "A", "gtin": "1"}
    assert merge(known, {"sku": "A"}, "erp", OWNERS).unchanged
    result = merge(known, {"gtin": None}, "erp", OWNERS)
    assert (result.data["gtin"], result.changed) == (None, ("gtin",))


def test_without_ownership_everybody_may_write() -> None:
    assert merge({"a": 1}, {"a": 2}, "x", None).changed == ("a",)


def test_each_system_keeps_its_own_extension() -> None:
    result = merge({"sku": "A", "ext": {"odoo": {"x": 1}}}, {"ext": {"shopify": {"y": 2}}}, "shop", OWNERS)
    assert result.data["ext"] == {"odoo": {"x": 1}, "shopify": {"y": 2}}
    assert result.dropped == ()


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    old, new = ({"sku": "A", "warehouse": "M", "available": text} for text in ("10.0", "10.00"))
    models = [InventoryLevel.model_validate(data) for data in (old, new)]
    assert merge(old, new, "erp", OWNERS, models[0], models[1]).unchanged


def test_merging_twice_changes_nothing_more() -> None:
    known, told = {"sku": "A", "gtin": "1"}, {"gtin": "2"}
    once = merge(known, told, "erp", OWNERS)
    assert merge(once.data, told, "erp", OWNERS).unchanged
    assert known == {"sku": "A", "gtin": "1"}


@pytest.mark.parametrize(
    ("seen", "stream", "version", "stale"),
    [
        ("order 2026-01-02", "order", "2026-01-01", True),
        ("order 2026-01-02", "order", "2026-01-02", False),
        ("order 2026-01-02", "order", "2026-01-03", False),
        ("order 2026-01-02", "refund", "2026-01-01", False),
        ("order 2026-01-02", "order", "", False),
        ("", "order", "2026-01-01", False),
    ],
)
def test_older_versions_are_stale_within_their_stream(seen: str, stream: str, version: str, stale: bool) -> None:
    assert is_stale(seen, stream, version) is stale


def test_a_version_is_remembered_with_its_stream() -> None:
    assert seen_version("order", "7") == "order 7"
    assert seen_version("order", "") == ""
