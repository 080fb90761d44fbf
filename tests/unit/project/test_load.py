from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from hub.errors import ConfigError
from hub.project import find, inspect, load

SECRETS = {"SHOP_TOKEN": "shpat_0123456789", "ERP_URL": "http://127.0.0.1:8069"}


def catalog(**streams: list[str]) -> Any:
    connectors = {
        name: SimpleNamespace(manifest=SimpleNamespace(streams=dict.fromkeys(names))) for name, names in streams.items()
    }
    return SimpleNamespace(connectors=connectors)


ALL = catalog(shopify=["order", "variant", "shipment"], odoo=["order", "shipment", "warehouse"])


def faults(folder: Any, **given: Any) -> list[str]:
    return [str(fault) for fault in inspect(folder.path, env=SECRETS, **given)[1]]


def test_a_whole_project(folder):
    project = load(folder.path, env=SECRETS, catalog=ALL)
    assert project.name == "demo"
    assert project.database == f"sqlite:///{folder.path}/data/hub.db"
    assert project.broker is None
    assert project.connections["shop"].allow_hosts == ("127.0.0.1",)
    assert project.connections["shop"].poll["variant"].every == 300
    assert project.connections["shop"].where == "hub.yaml:4"
    assert [flow.name for flow in project.flows] == ["orders-to-erp", "shipments-to-shop"]
    assert project.flows[0].stream == "order"
    assert project.flows[1].where == "flows/main.yaml:6"
    assert project.ownership["order"].of("lines.sku") == "erp"
    assert project.ownership["order"].of("lines.quantity") == "shop"
    assert project.ownership["order"].of("number") == "shop"
    assert project.mappings_dir == folder.path / "mappings"
    assert "SHOP_TOKEN" in str(project.connections["shop"].config), "the reference stays a reference"


def test_cron_in_its_time_zone(folder):
    poll = load(folder.path, env=SECRETS).connections["erp"].poll["warehouse"]
    assert (poll.every, poll.cron, poll.timezone) == (None, "0 6 * * 1-5", "Europe/Berlin")
    assert str(poll) == "cron 0 6 * * 1-5 (Europe/Berlin)"


def test_urls_from_the_environment_and_the_command_line(folder):
    env = SECRETS | {"HUB_DATABASE_URL": "sqlite:///other.db", "HUB_BROKER_URL": "amqp://a"}
    project = load(folder.path, env=env)
    assert project.database == f"sqlite:///{folder.path}/other.db"
    assert project.broker == "amqp://a"
    project = load(folder.path, env=env, database="postgresql+psycopg://db/hub", broker="amqp://b")
    assert (project.database, project.broker) == ("postgresql+psycopg://db/hub", "amqp://b")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: demo", "nam: demo", "hub.yaml:2: CFG-UNKNOWN: hub.yaml has no setting 'nam'. Did you mean 'name'?"),
        ("name: demo", "name: demo\nlisten: 8080", "hub.yaml:3: CFG-INVALID: 'listen': not of the form host:port"),
        ("hub: 1", "hub: 2", "hub.yaml:1: CFG-INVALID: 'hub': input should be 1."),
        ("connector: odoo", "conector: odoo",
         ("hub.yaml:10: CFG-UNKNOWN: 'connections.erp' has no setting 'conector'. Did you mean "
         "'connector'?")),
        ("order: 30s", "order: 30", "hub.yaml:8: CFG-INVALID: 'connections.shop.poll.order.every': 30 has no unit"),
        ("order: 30s", "order: soon", "'soon' is not a duration; write 30s"),
        ("every: 5s", "evry: 5s",
         ("hub.yaml:12: CFG-UNKNOWN: 'connections.erp.poll.shipment' has no setting 'evry'. Did you mean "
         "'every'?")),
        ("Europe/Berlin", "Europe/Berln", "'Europe/Berln' is not a known time zone"),
        ("0 6 * * 1-5", "0 99 * * 1-5", "not a cron line"),
        ("connector: shopify", "connector: shopfy",
         "hub.yaml:5: CFG-UNKNOWN: there is no connector 'shopfy'. Did you mean 'shopify'?"),
        ("variant: 5m", "varient: 5m",
         "hub.yaml:8: CFG-UNKNOWN: the connector shopify has no stream 'varient'. Did you mean 'variant'?"),
        ("  shop:\n", "  Shop!:\n", "hub.yaml:4"),
    ],
)  # fmt: skip
def test_typos_in_hub_yaml(folder, old: str, new: str, said: str):
    folder.replace("hub.yaml", old, new)
    found = faults(folder, catalog=ALL)
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("entity: order", "entity: ordr",
         ("flows/main.yaml:1: CFG-UNKNOWN: the flow 'orders-to-erp' names the entity 'ordr', which the "
         "canonical model does not have. Did you mean 'order'?")),
        ("to: erp", "to: epr", "names the connection 'epr', which hub.yaml does not have. Did you mean 'erp'?"),
        ("shipments-to-shop", "orders-to-erp", "two flows named 'orders-to-erp' (the other is at flows/main.yaml:1)"),
        ("to: shop", "to: erp", "from 'erp' to itself"),
        ("to: shop", "to: shop\n  operation: upsrt",
         ("flows/main.yaml:10: CFG-INVALID: 'operation': input should be 'create', 'update', 'upsert' or "
         "'delete'. Did you mean 'upsert'?")),
        ("- flow: orders-to-erp\n  entity: order", "- entity: order",
         "flows/main.yaml:1: CFG-MISSING: the setting 'flow' is missing."),
        ("to: shop", "to: shop\n  stream: fulfilment",
         "writes the stream 'fulfilment', which the connector shopify does not have"),
    ],
)  # fmt: skip
def test_faults_in_flows(folder, old: str, new: str, said: str):
    folder.replace("flows/main.yaml", old, new)
    found = faults(folder, catalog=ALL)
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ordr: {owner: shop}\n",
         "ownership.yaml:1: CFG-UNKNOWN: the canonical model has no entity 'ordr'. Did you mean 'order'?"),
        ("order: {owner: shp}\n",
         "ownership.yaml:1: CFG-UNKNOWN: hub.yaml has no connection 'shp'. Did you mean 'shop'?"),
        ("order:\n  owner: shop\n  fields:\n    linse: erp\n",
         "ownership.yaml:4: CFG-UNKNOWN: the entity order has no field 'linse'. Did you mean 'lines'?"),
        ("order: {fields: {}}\n", "ownership.yaml:1: CFG-MISSING: the setting 'order.owner' is missing."),
    ],
)  # fmt: skip
def test_faults_in_ownership(folder, text: str, said: str):
    folder.write("ownership.yaml", text)
    found = faults(folder)
    assert any(said in fault for fault in found), found


def test_all_faults_are_found_and_the_first_one_says_how_many_more(folder):
    folder.replace("flows/main.yaml", "to: erp", "to: epr")
    folder.replace("ownership.yaml", "shipment: {owner: erp}", "shipmnt: {owner: erp}")
    assert len(faults(folder)) == 2
    with pytest.raises(ConfigError, match=r"epr.*There is 1 more fault: hub check lists all"):
        load(folder.path, env=SECRETS)


def test_optional_files_may_be_absent(folder):
    (folder.path / "ownership.yaml").unlink()
    (folder.path / "flows" / "main.yaml").write_text("# none yet\n")
    project = load(folder.path, env={})
    assert (project.flows, project.ownership) == ((), {})


def test_find_searches_upward(folder, tmp_path: Path):
    deep = folder.path / "flows"
    assert find(deep) == folder.path
    assert find(env={"HUB_PROJECT": str(folder.path)}) == folder.path
    with pytest.raises(ConfigError, match="hub init DIR"):
        find(tmp_path)
    with pytest.raises(ConfigError, match=r"no hub\.yaml"):
        load(tmp_path)


class ShopConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shop: str
    access_token: SecretStr
    deadline: float = 30


def test_settings_of_a_connection(folder):
    settings = load(folder.path, env=SECRETS).settings("shop", ShopConfig)
    assert settings.access_token.get_secret_value() == "shpat_0123456789"
    assert "shpat" not in repr(settings)


def test_missing_secret_names_it_and_where_to_set_it(folder):
    with pytest.raises(ConfigError) as caught:
        load(folder.path, env={}).settings("shop", ShopConfig)
    error = caught.value
    assert (error.code, error.where) == ("CFG-SECRET", "hub.yaml:6")
    assert "SHOP_TOKEN" in error.message
    assert all(place in error.fix for place in ("environment variable SHOP_TOKEN", ".env", "secrets/SHOP_TOKEN"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{shop: demo, acces_token: x}",
         ("hub.yaml:6: CFG-UNKNOWN: the connector shopify has no setting 'acces_token'. Did you mean "
         "'access_token'?")),
        ("{access_token: x}", "hub.yaml:6: CFG-MISSING: the setting 'connections.shop.config.shop' is missing."),
        ("{shop: demo, access_token: hunter2-hunter2, deadline: soon}",
         "hub.yaml:6: CFG-INVALID: 'connections.shop.config.deadline'"),
    ],
)  # fmt: skip
def test_faults_in_settings(folder, config: str, said: str):
    folder.replace("hub.yaml", '{shop: demo, access_token: "${secret:SHOP_TOKEN}"}', config)
    found = [str(fault) for fault in load(folder.path, env=SECRETS).check_settings("shop", ShopConfig)[0]]
    assert any(said in fault for fault in found), found
    assert "hunter2" not in str(found)


def test_unknown_connection(folder):
    with pytest.raises(ConfigError, match="Did you mean 'shop'"):
        load(folder.path, env=SECRETS).connection("shp")
