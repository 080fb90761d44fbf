"""Replaces personal data in a payload, so that a real message can become a test case.

What is personal is told by the names of fields (as shops and ERPs use them) and by the look of values (e-mail addresses, phone
numbers). The same value always gets the same replacement, also where it occurs inside another text, so that mappings that compare
or join fields still behave the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from hub.mapping.tools.data import Step, leaves, pattern

_EMAIL = re.compile(r"[A-Za-z0-9._%+\-']+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.\-]{6,18}[0-9]")
_IP = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}")

_FIRST: Final = ("Alex", "Kim", "Robin", "Sam", "Toni", "Chris", "Jo", "Mika")
_LAST: Final = ("Muster", "Sample", "Example", "Beispiel", "Ejemplo", "Exemple", "Esempio", "Voorbeeld")
_KINDS: Final = {
    "email": "email", "contact_email": "email", "buyer_email": "email", "customer_email": "email", "email_from": "email",
    "phone": "phone", "mobile": "phone", "fax": "phone", "buyer_phone": "phone", "telephone": "phone", "phone_number": "phone",
    "first_name": "first", "firstname": "first", "given_name": "first", "middle_name": "first",
    "last_name": "last", "lastname": "last", "family_name": "last", "surname": "last",
    "full_name": "name", "buyer_name": "name", "recipient": "name", "contact": "name",
    "company": "company", "company_name": "company",
    "address1": "street", "address2": "line2", "street": "street", "street2": "line2", "street1": "street", "line1": "street",
    "city": "city", "zip": "postcode", "postcode": "postcode", "postal_code": "postcode",
    "latitude": "number", "longitude": "number", "browser_ip": "ip", "ip": "ip", "client_ip": "ip", "remote_ip": "ip",
    "note": "note", "comment": "note", "customer_note": "note", "delivery_instructions": "note", "user_agent": "note",
    "vat": "tax", "vat_number": "tax", "tax_id": "tax", "iban": "tax",
    "token": "token", "cart_token": "token", "checkout_token": "token", "order_status_url": "url", "access_token": "token",
    "password": "token", "api_key": "token", "secret": "token",
}  # fmt: skip
_PEOPLE = re.compile(r"customer|address|bill_to|ship_to|buyer|recipient|partner|person|contact|destination")
"""Under such a field, a field called name is a person's."""


class Scrubber:
    """Replaces personal values in one payload, or in several that belong together.

    ``root`` says what the record is ("customer"), and ``personal`` names further personal fields, with open indexes.
    """

    def __init__(self, root: str = "", personal: Collection[str] = ()) -> None:
        self.replaced: dict[str, str] = {}
        self.root = root
        self.personal = frozenset(personal)

    def scrub(self, data: Any) -> Any:
        """A copy of the data with personal values replaced."""
        for steps, value in leaves(data):
            if isinstance(value, str) and value.strip():
                kind = self._kind(steps)
                for found in _EMAIL.findall(value):
                    self._stand_in(found, "email")
                if kind and kind != "note":
                    self._stand_in(value, kind)
        known = sorted((old for old in self.replaced if len(old) >= 4), key=len, reverse=True)
        return self._replace(data, (), re.compile("|".join(map(re.escape, known))) if known else None)

    def _kind(self, steps: Sequence[Step]) -> str:
        names = [_snake(step) for step in steps if isinstance(step, str)]
        name, parent = names[-1] if names else "", names[-2] if len(names) > 1 else self.root
        if name in ("name", "display_name") and _PEOPLE.search(parent):
            return "name"
        if name == "lines" and _PEOPLE.search(parent):
            return "street"
        if name.endswith("_id") and len(steps) > 1 and steps[-1] == 1 and _PEOPLE.search(name):
            return "name"  # [7, "Anna Meyer"], as Odoo writes a reference
        if name == "company" and "track" in parent:
            return ""  # the carrier
        return _KINDS.get(name, "") or ("name" if pattern(list(steps)) in self.personal else "")

    def _stand_in(self, value: str, kind: str) -> str:
        return self.replaced.setdefault(value, _made_up(value, kind))

    def _replace(self, value: Any, steps: tuple[Step, ...], inside: re.Pattern[str] | None) -> Any:
        if isinstance(value, dict):
            return {name: self._replace(item, (*steps, name), inside) for name, item in value.items()}
        if isinstance(value, list):
            return [self._replace(item, (*steps, place), inside) for place, item in enumerate(value)]
        kind = self._kind(steps)
        if kind == "number" and value is not None and not isinstance(value, str):
            return 0
        if not isinstance(value, str) or not value.strip():
            return value
        if value in self.replaced and (kind or len(value) >= 4):
            return self.replaced[value]
        if kind == "note":
            return _made_up(value, "note")
        if _IP.fullmatch(value) and value.count(".") == 3:
            return _made_up(value, "ip")
        return inside.sub(lambda found: self.replaced[found[0]], value) if inside else value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _made_up(value: str, kind: str) -> str:
    """A value of the same kind that belongs to nobody. The same value always gives the same one."""
    number = int.from_bytes(hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()[:4])
    first, last = _FIRST[number % 8], _LAST[number // 8 % 8]
    code = number % 10_000
    if kind == "phone":
        return (
            re.sub(r"[0-9]", "0", value[:-4]) + f"{code:04d}"
            if _PHONE.fullmatch(value) and value[0] != "+"
            else f"+4930{code:07d}"
        )
    if kind in ("tax", "postcode", "token"):
        digits = iter(str(number * 7919 % 10**9)[::-1])
        return re.sub(r"[0-9]", lambda _: next(digits, "7"), re.sub(r"[A-Za-z]", "X", value))
    return {
        "email": f"{first}.{last}.{code}@example.com".lower(), "first": first, "last": last, "name": f"{first} {last}",
        "company": f"{last} Ltd.", "street": f"Example Street {code % 100 + 1}", "line2": f"Floor {code % 9 + 1}",
        "city": "Exampletown", "number": "0", "ip": "192.0.2.1", "note": "A note.", "url": "https://shop.example/status",
    }[kind]  # fmt: skip
