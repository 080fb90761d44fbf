"""Whatever a filter is given, it gives plain data or a mapping error: never another exception, never without bounds."""

from __future__ import annotations

import inspect
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import MappingError
from hub.mapping.filters import ABSENT, FILTERS

_TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            " ",
            "00123",
            "19,90",
            "١٢",
            "2026-03-29T02:30:00",
            "2026-02-30",
            "9999-12-31T23:59:59-12:00",
            "EUR",
            "DE",
            "en-US",
            "+49",
            "<p",
            "{}",
            "%Y%",
            "Europe/Berlin",
            "kg",
            "gid://a/B/1",
            "ms",
            "s",
            "half_up",
            "\x00",
            "\ud800",
            "👩‍👩‍👧",
        ]
    ),
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**60),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([Decimal("1E+999999"), Decimal("1E-999999"), Decimal("-0"), 10**4000, -1, 0, 2**63]),
    st.floats(),
    _TEXTS,
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "amount", "currency"]), inner, max_size=3),
    ),
    max_leaves=8,
)
_PLAIN = (str, int, Decimal, bool, list, dict, type(None), float)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_through_any_filter(data: st.DataObject) -> None:
    entry = FILTERS[data.draw(st.sampled_from(sorted(FILTERS)))]
    parameters = list(inspect.signature(entry.function).parameters.values())[1:]
    least = sum(
        p.default is inspect.Parameter.empty and p.kind is not inspect.Parameter.VAR_POSITIONAL for p in parameters
    )
    most = len(parameters)
    value = data.draw(_VALUES)
    arguments = [data.draw(st.one_of(_TEXTS, _LEAVES, _VALUES)) for _ in range(data.draw(st.integers(least, most)))]
    refusal: MappingError | None = None
    result = None
    try:
        result = entry.function(value, *arguments)
    except MappingError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code in {"MAP-TYPE", "MAP-LIMIT", "MAP-MISSING"}
        assert len(str(refusal)) < 1000
    assert isinstance(result, _PLAIN) or (entry.may_be_absent and result is ABSENT)
    if isinstance(result, str):
        assert len(result) <= 2_000_000
