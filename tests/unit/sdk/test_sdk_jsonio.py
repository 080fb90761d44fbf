from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import InputRefused
from hub.sdk.jsonio import decimal_text, dump_json, read_json, read_object


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"", "IN-MALFORMED-JSON", 400),
        (b'{"a":1', "IN-MALFORMED-JSON", 400),
        (b'{"a":1,}', "IN-MALFORMED-JSON", 400),
        (b"{'a':1}", "IN-MALFORMED-JSON", 400),
        (b'{"a":1} // x', "IN-MALFORMED-JSON", 400),
        (b'{"a":1}{"b":2}', "IN-MALFORMED-JSON", 400),
        (b"<html></html>", "IN-MALFORMED-JSON", 400),
        (b'{"a":"x\x01y"}', "IN-MALFORMED-JSON", 400),
        (b'{"a":"x\x00y"}', "IN-MALFORMED-JSON", 400),
        ('{"a":"ä"}'.encode("utf-16-le"), "IN-BAD-ENCODING", 400),
        ('{"a":"ä"}'.encode("utf-16"), "IN-BAD-ENCODING", 400),
        ('{"a":"ä"}'.encode("latin-1"), "IN-BAD-ENCODING", 400),
        (b'{"a":"\xc0\xaf"}', "IN-BAD-ENCODING", 400),
        (b'{"a":"\xe2\x82', "IN-BAD-ENCODING", 400),
        (b'{"a":"\xed\xa0\x80"}', "IN-BAD-ENCODING", 400),
        (b'{"a":NaN}', "IN-NON-FINITE-NUMBER", 400),
        (b'{"a":-Infinity}', "IN-NON-FINITE-NUMBER", 400),
        (b'{"a":1,"a":2}', "IN-DUPLICATE-KEY", 400),
        (b'{"o":{"total":"10.00","total":"0.01"}}', "IN-DUPLICATE-KEY", 400),
        (b"[" * 65 + b"]" * 65, "IN-TOO-DEEP", 400),
        (b"[" * 100_000 + b"]" * 100_000, "IN-TOO-DEEP", 400),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "IN-TOO-DEEP", 400),
        (json.dumps({str(i): i for i in range(20_001)}).encode(), "IN-TOO-MANY-KEYS", 400),
        (b'{"a":1e999}', "IN-NUMBER-OUT-OF-RANGE", 202),
        (b'{"a":-1e-999}', "IN-NUMBER-OUT-OF-RANGE", 202),
        (b'{"a":1e99999999999999999999}', "IN-NUMBER-OUT-OF-RANGE", 202),
        (b'{"a":' + b"9" * 4000 + b"}", "IN-NUMBER-OUT-OF-RANGE", 202),
        (b'{"a":' + b"9" * 5000 + b"}", "IN-NUMBER-OUT-OF-RANGE", 202),
        (b'{"a":0.1000000000000000055511151231257827021181583404541015625}', "IN-PRECISION", 202),
        (b'{"a":"\\ud800"}', "IN-INVALID-CHARACTER", 202),
        (b'{"a\\udfff":1}', "IN-INVALID-CHARACTER", 202),
        (b'{"a":["x\\u0000y"]}', "IN-INVALID-CHARACTER", 202),
    ],
)
def test_refuses_what_cannot_be_carried_exactly(body: bytes, code: str, status: int) -> None:
    with pytest.raises(InputRefused) as caught:
        read_json(body)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.__cause__ is None


def test_the_error_never_quotes_the_body() -> None:
    for body in (b'{"mail":"anna@example.com",}', b'{"mail":"anna@example.com","mail":1}', b'{"mail":"anna\\ud800"}'):
        with pytest.raises(InputRefused) as caught:
            read_json(body)
        assert "anna" not in str(caught.value)


def test_takes_a_byte_order_mark_and_keeps_numbers_exactly() -> None:
    value = read_json(
        b'\xef\xbb\xbf{"price":19.90,"id":9007199254740993,"zip":"00123","none":null,"yes":true,"emoji":"\\ud83d\\ude00"}'
    )
    assert value == {
        "price": Decimal("19.90"), "id": 9007199254740993, "zip": "00123", "none": None, "yes": True, "emoji": "😀",
    }  # fmt: skip
    assert str(value["price"]) == "19.90"


def test_depth_64_and_20000_keys_are_still_fine() -> None:
    assert read_json(b"[" * 64 + b"]" * 64)
    assert len(read_json(json.dumps({str(i): i for i in range(20_000)}).encode())) == 20_000


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"true"])
def test_an_object_is_an_object(body: bytes) -> None:
    with pytest.raises(InputRefused) as caught:
        read_object(body)
    assert caught.value.code == "IN-NOT-AN-OBJECT"


def test_writes_decimals_digit_for_digit() -> None:
    assert (
        dump_json({"a": Decimal("1.10"), "b": Decimal("1E+3"), "c": Decimal("0.00")}) == b'{"a":1.10,"b":1000,"c":0.00}'
    )
    assert dump_json({"big": 2**70, "d": Decimal("1.10"), "t": ("x", {"y": None})}) == (
        b'{"big":1180591620717411303424,"d":1.10,"t":["x",{"y":null}]}'
    )
    assert decimal_text(Decimal("1E+200")) == "1E+200"


@pytest.mark.parametrize(
    "value", [{"a": Decimal("NaN")}, {"a": Decimal("Infinity")}, {1: "x"}, {"a": object()}, {"a": b"x"}]
)
def test_writes_nothing_that_is_not_json(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        dump_json(value)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(plain)
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back_equal(value: object) -> None:
    assert read_json(dump_json(value)) == value
