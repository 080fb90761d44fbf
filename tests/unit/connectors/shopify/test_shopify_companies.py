"""Companies out of the shop: all contacts and locations, told of by every kind of notice, and never mistaken for the person who buys for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.canonical import ENTITIES
from hub.errors import InputRefused
from hub.mapping import MappingSet
from hub.sdk.records import OutboundRecord, RawMessage


@pytest.fixture
def acme(sim: ShopifySimulator) -> str:
    """A company with more contacts and locations than one page holds."""
    made = sim.companies.add({"name": "ACME", "externalId": "0042", "note": "Pays on time"})
    place = {
        "recipient": "Goods in",
        "address1": "1 Dock Rd",
        "city": "Springfield",
        "zip": "62704",
        "countryCode": "US",
    }
    first = {
        "shippingAddress": place,
        "billingSameAsShipping": True,
        "phone": "+12175550100",
        "taxId": "US-1",
        "terms": "Net 30",
    }
    sim.companies.add_location(made, first)
    for number in range(2, 31):
        sim.companies.add_location(
            made, {"name": f"Branch {number}", "shippingAddress": {**place, "city": f"Town {number}"}}
        )
        sim.companies.add_contact(
            made, {"email": f"buyer{number}@acme.example", "firstName": "Buyer", "lastName": str(number)}
        )
    return made


def canonical(message: RawMessage) -> Any:
    (mapping,) = MappingSet.load(["mappings/shopify"]).inbound("shopify", "company")
    nobody: Any = None
    made = mapping.run(
        message.payload, meta={"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}, links=nobody
    )
    return ENTITIES["customer"].model_validate(made.record)


def test_a_company_is_read_with_all_its_contacts_and_locations(
    shop: ShopifyConnector, sim: ShopifySimulator, acme: str
) -> None:
    (message,) = shop.poll("company", None, 10).messages
    assert (message.external_id, message.stream) == (acme, "company")
    assert (len(message.payload["locations"]), len(message.payload["contacts"])) == (30, 29)
    record = canonical(message)
    assert (record.kind, record.name, record.number, record.payment_terms) == ("company", "ACME", "0042", "Net 30")
    assert (record.last_name, record.phone, record.ship_to.city, len(record.addresses)) == (
        "2",
        "+12175550100",
        "Springfield",
        30,
    )
    assert record.natural_key() is None  # the contact is a customer of the shop too, and another one than the company


def test_what_changed_is_read_again_and_the_rest_is_not(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, acme: str
) -> None:
    shop = connect(poll_overlap=0)
    page = shop.poll("company", None, 10)
    sim.clock.advance(60)
    other = sim.companies.add({"name": "Beta"})
    (found,) = [one for one in shop.poll("company", page.cursor, 10).messages if one.external_id != acme]
    assert found.external_id == other
    assert canonical(found).addresses == []


@pytest.mark.parametrize("topic", ["companies/update", "company_contacts/create", "company_locations/delete"])
def test_every_notice_leads_to_the_company(
    shop: ShopifyConnector, sim: ShopifySimulator, acme: str, topic: str
) -> None:
    body = sim.companies.body(acme)
    if topic != "companies/update":
        body = {"admin_graphql_api_id": "gid://shopify/CompanyLocation/1", "company": body}
    (notice,) = shop.webhook(sim.webhook(topic, body))
    assert (notice.stream, notice.external_id) == ("company_notice", acme)
    assert shop.fetch("company", notice.external_id)
    with pytest.raises(InputRefused):
        list(shop.webhook(sim.webhook(topic, {"name": "nothing that names it"})))


def test_a_change_of_a_location_makes_a_new_version(shop: ShopifyConnector, sim: ShopifySimulator, acme: str) -> None:
    before = shop.fetch("company", acme)
    sim.clock.advance(60)
    sim.companies.add_location(acme, {"name": "New"})
    after = shop.fetch("company", acme)
    assert before
    assert after
    assert after.source_version > before.source_version
    assert after.dedupe_key != before.dedupe_key


def test_a_company_that_was_written_is_read_under_the_same_id(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    data = {
        "kind": "company",
        "name": "ACME",
        "number": "7",
        "email": "jo@acme.example",
        "addresses": [{"address1": "1 Dock Rd"}],
    }
    made = shop.deliver(OutboundRecord("customer", "create", data, "key-c", "hub-test-c"))
    (message,) = shop.poll("company", None, 10).messages
    assert message.external_id == made.external_id
    assert canonical(message).ship_to.lines == ["1 Dock Rd"]
    del sim.companies.all[made.external_id]
    assert shop.fetch("company", made.external_id) is None
