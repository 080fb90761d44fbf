"""The main job, as its user runs it: the demo ends well on both sizes, and after every process was killed in the middle."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hub.cli.demo.processes import HubProcesses
from hub.cli.demo.project import write_project
from hub.cli.demo.show import settled
from hub.cli.demo.story import Story, World
from hub.cli.demo.verdict import differences
from hub.cli.demo.world import ARTICLES, WAREHOUSE, plan_orders
from hub.sdk.plugins import load_simulators
from hub.store import Store
from hub.store.scratch import fresh_schema

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("demo")]
PATIENCE = 90


def _demo(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")} | settings
    command = [sys.executable, "-m", "hub", "demo", "--dir", str(folder), "--patience", str(PATIENCE), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=200, env=environment, cwd=folder.parent, check=False
    )


def test_the_demo_checks_itself_and_ends_well(backend: tuple[str, str | None], tmp_path: Path) -> None:
    database, broker = backend
    # in the cluster as in its container: the services of another project, which the demo uses and whose data it leaves alone
    services = {"HUB_DATABASE_URL": database, "HUB_BROKER_URL": broker} if broker else {}
    if broker:
        Store.open(database).close()
    done = _demo("--json", folder=tmp_path / "demo", **services)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["differences"] == []
    assert len(said["orders"]) == 25
    assert [row["code"] for row in said["exceptions"]] == ["ITM-UNKNOWN"]
    assert said["conservation"]["in_flight"] == 0
    if broker:
        theirs = Store.open(database, readonly=True)
        assert theirs.conservation().in_ == 0
        assert "shop" not in theirs.connection_states()
        theirs.close()


def test_the_demo_shows_the_way_of_an_order_and_what_to_try(tmp_path: Path) -> None:
    done = _demo("--orders", "12", folder=tmp_path / "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "#1012",
        "ITM-UNKNOWN",
        "in flight 0",
        "what to do",
        "hub trace",
        "translate",
        "Try next",
        "polling found it",
    ):
        assert said in done.stdout, said
    assert "Traceback" not in done.stdout + done.stderr
    command = [sys.executable, "-m", "hub", "--project", str(tmp_path / "demo"), "trace", "1001", "--json", "--lineage"]
    told = subprocess.run([*command, "lines[0].unit_price"], capture_output=True, text=True, timeout=60, check=True)
    first = json.loads(told.stdout)["lineage"][0]
    assert "order.to_canonical.yaml" in first["step"]
    assert "src.line_items[0].price" in first["values"][0]["data"]
    whole = json.loads(subprocess.run([*command, ""], capture_output=True, text=True, timeout=60, check=True).stdout)[
        "lineage"
    ]
    assert {step["step"].split()[0] for step in whole} == {"translate", "render"}
    assert [step["gone"] for step in whole if "gone" in step] == []


def test_the_demo_replaces_only_a_demo(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "hub.yaml").write_text("hub: 1\n", encoding="utf-8")
    done = _demo(folder=tmp_path / "mine")
    assert done.returncode == 2
    assert "is not a demo" in done.stderr
    assert (tmp_path / "mine" / "hub.yaml").read_text(encoding="utf-8") == "hub: 1\n"


def test_everything_arrives_once_though_every_process_is_killed(
    backend: tuple[str, str | None], tmp_path: Path
) -> None:
    """kill -9 of all hub processes, again and again, while orders are placed and carried across."""
    database, broker = backend
    simulators = load_simulators()
    world = World(simulators["shopify"](), simulators["odoo"](), plan_orders(30))
    world.stock()
    folder = tmp_path / "demo"
    with world.shop.serve() as shop, world.erp.serve() as erp:
        port = 20_000 + os.getpid() % 20_000
        if broker:
            database = fresh_schema(database, "hub_kill")
        shop_config = {
            **world.shop.connection_config(shop.url),
            "locations": {WAREHOUSE: "Main warehouse"},
            "settle": 1,
        }
        erp_config = {**world.erp.connection_config(erp.url), "settle": 1}
        write_project(folder, port=port, shop=shop_config, erp=erp_config, database=database, broker=broker)
        world.shop.subscribe_webhooks(f"http://127.0.0.1:{port}/webhooks/shop")
        hub = HubProcesses(folder, port, cluster=bool(broker))
        hub.start()
        store = Store.open(database, readonly=True)
        try:
            _run_while_killing(world, hub, store, kills=3 if broker else 5)
            conservation = settled(store, PATIENCE)
            assert differences(world, store.exceptions(state="open"), conservation) == []
        finally:
            hub.kill()
            store.close()


def _run_while_killing(world: World, hub: HubProcesses, store: Store, kills: int) -> None:
    keys = {("variant", connection, article.sku) for connection in ("shop", "erp") for article in ARTICLES}
    failed: list[BaseException] = []
    ended = threading.Event()

    def story() -> None:
        try:
            Story(world, lambda: len(store.links_by_natural_key(keys)), lambda *_: None, PATIENCE).run()
        except BaseException as error:
            failed.append(error)
        finally:
            ended.set()

    teller = threading.Thread(target=story, daemon=True)
    teller.start()
    done = 0
    while not ended.wait(timeout=1.3) and done < kills:
        hub.kill()
        hub.start()
        done += 1
    teller.join(timeout=PATIENCE * 2)
    assert not failed, failed
    assert done >= 2, "the story ended before the hub was killed twice"


def test_orders_wait_while_the_erp_is_away_and_go_out_by_themselves_when_it_is_back(tmp_path: Path) -> None:
    simulators = load_simulators()
    world = World(simulators["shopify"](), simulators["odoo"](), plan_orders(12))
    world.stock()
    folder = tmp_path / "demo"
    port = 20_000 + (os.getpid() + 7_000) % 20_000
    with world.shop.serve() as shop:
        erp = world.erp.serve()
        erp_config = {**world.erp.connection_config(erp.url), "settle": 1}
        shop_config = {**world.shop.connection_config(shop.url), "locations": {WAREHOUSE: "Main warehouse"}}
        write_project(folder, port=port, shop=shop_config, erp=erp_config, database=None, broker=None)
        world.shop.subscribe_webhooks(f"http://127.0.0.1:{port}/webhooks/shop")
        hub = HubProcesses(folder, port, cluster=False)
        hub.start()
        store = Store.open(f"sqlite:///{folder / 'data' / 'hub.db'}", readonly=True)
        try:
            keys = {("variant", connection, article.sku) for connection in ("shop", "erp") for article in ARTICLES}
            story = Story(world, lambda: len(store.links_by_natural_key(keys)), lambda *_: None, PATIENCE)
            story.wait("learn", story.linked, len(keys))
            address = int(erp.url.rpartition(":")[2])
            erp.stop()
            story.place_orders()
            story.wait("order", lambda: sum(store.in_flight().values()), len(world.good_orders))
            assert world.erp.orders == []
            assert [row["code"] for row in store.exceptions(state="open")] == []
            erp = world.erp.serve(address)
            story.wait("confirm", world.confirmed, len(world.good_orders))
            assert len(world.erp.orders) == len(world.good_orders)
        finally:
            hub.stop()
            store.close()
            erp.stop()
