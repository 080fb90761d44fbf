"""The demo as its user sees it: live progress, then the result, and what to try next."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hub.canonical.reasons import REASONS
from hub.cli.demo.processes import OTHERS, HubProcesses
from hub.cli.demo.project import write_project
from hub.cli.demo.story import STEPS, Story, World
from hub.cli.demo.verdict import differences
from hub.cli.demo.world import ARTICLES, WAREHOUSE, plan_orders
from hub.cli.opening import open_project, open_store, simulator
from hub.cli.views.console import err, out, print_json
from hub.errors import ConfigError
from hub.store import Conservation, Store
from hub.store.scratch import fresh_schema

SCHEMA = "hub_demo"
"""Where the demo lives in a PostgreSQL database; every demo makes it anew."""
_ARTICLE_KEYS = {("variant", connection, article.sku) for connection in ("shop", "erp") for article in ARTICLES}


def perform(
    folder: Path,
    orders: int,
    *,
    keep: bool,
    patience: float,
    database: str | None,
    broker: str | None,
    as_json: bool,
    odoo: tuple[str, str, str] | None = None,
) -> int:
    """Run the whole demo and return its exit code. ``odoo`` names a real server to use: its address, database and API key."""
    began = time.monotonic()
    database, broker = database or os.environ.get("HUB_DATABASE_URL"), broker or os.environ.get("HUB_BROKER_URL")
    if broker and not (database or "").startswith("postgresql"):
        raise ConfigError(
            "a broker needs PostgreSQL beside it", fix="Give --database-url postgresql+psycopg://... as well."
        )
    if database and database.startswith("postgresql"):
        database = fresh_schema(database, SCHEMA)
    erp = simulator("odoo").at(*odoo) if odoo else simulator("odoo")()
    world = World(simulator("shopify")(), erp, plan_orders(orders))
    world.stock()
    with world.shop.serve() as shop, world.erp.serve() as erp:
        port = _free_port()
        write_project(
            folder,
            port=port,
            shop={**world.shop.connection_config(shop.url), "locations": {WAREHOUSE: "Main warehouse"}},
            erp=world.erp.connection_config(erp.url),
            database=database,
            broker=broker,
        )
        world.shop.subscribe_webhooks(f"http://127.0.0.1:{port}/webhooks/shop")
        hub = HubProcesses(folder, port, cluster=bool(broker))
        if not as_json:
            out().print(f"[name]shop[/name]  {shop.url}   [name]ERP[/name]  {erp.url}   [name]hub[/name]  {hub.url}")
        hub.start(max(30.0, patience))
        try:
            with _alone():
                return _perform(world, hub, began, keep=keep, patience=patience, as_json=as_json)
        finally:
            hub.stop()


@contextmanager
def _alone() -> Iterator[None]:
    """Without what the environment says of another project: the demo is about its own."""
    others = {name: os.environ.pop(name) for name in OTHERS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(others)


def _perform(world: World, hub: HubProcesses, began: float, *, keep: bool, patience: float, as_json: bool) -> int:
    project = open_project(hub.project)
    with open_store(project) as store:
        with _progress(quiet=as_json) as tell:
            Story(world, lambda: len(store.links_by_natural_key(_ARTICLE_KEYS)), tell, patience).run()
        conservation = settled(store, patience)
        exceptions = store.exceptions(state="open")
        wrong = differences(world, exceptions, conservation)
        seconds = time.monotonic() - began
        if as_json:
            print_json(_as_data(world, exceptions, conservation, wrong, seconds))
        else:
            _show(world, exceptions, conservation, wrong, seconds)
            _show_trace(hub.project, world.orders[1].number)
            _show_next(hub.project, world)
    if keep:
        _keep_running(hub)
    return 1 if wrong else 0


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Any]:
    """Progress bars, one a step; a line a step where the output is no terminal."""
    if quiet:
        yield lambda *_: None
    elif not sys.stdout.isatty():
        yield _lines()
    else:
        columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out()) as bars:
            tasks = {step: bars.add_task(text, total=None, start=False) for step, text in STEPS}

            def tell(step: str, done: int, of: int) -> None:
                if not bars.tasks[tasks[step]].started:
                    bars.start_task(tasks[step])
                bars.update(tasks[step], completed=done, total=of)

            yield tell


def _lines() -> Any:
    told: set[str] = set()

    def tell(step: str, done: int, of: int) -> None:
        if done >= of and step not in told:
            told.add(step)
            out().print(f"  {dict(STEPS)[step]:<44} {done}/{of}")

    return tell


def settled(store: Store, patience: float) -> Conservation:
    """Where every message is, at a moment when nothing is in flight, or when patience ends."""
    until = time.monotonic() + patience
    while (now := store.conservation()).in_flight and time.monotonic() < until:
        time.sleep(0.05)
    return now


def _show(world: World, exceptions: list[dict[str, Any]], conservation: Any, wrong: list[str], seconds: float) -> None:
    console = out()
    table = Table(title=f"{len(world.orders)} orders, {seconds:.1f} s", title_justify="left", pad_edge=False)
    for column in ("shop order", "ERP order", "shipments", "state"):
        table.add_column(column)
    for order in world.orders:
        table.add_row(*_row(world, order))
    console.print(table)
    c = conservation
    console.print(
        f"[name]in[/name] {c.in_} = [good]delivered {c.delivered}[/good] + [quiet]filtered {c.filtered}[/quiet] + "
        f"[quiet]superseded {c.superseded}[/quiet] + [bad]exceptions {c.exceptions}[/bad] + [busy]in flight {c.in_flight}[/busy]"
        f"   ({c.duplicates} repeated, absorbed)"
    )
    for row in exceptions:
        console.print(
            f"\n[bad]exception {row['id']}  {row['code']}[/bad]  {REASONS[row['code']].meaning}: {row['detail']}"
        )
        console.print(f"  [wait]what to do[/wait]  {row['fix'].replace('release ID', 'release ' + str(row['id']))}")
    if wrong:
        console.print("\n[bad]What is there is not what must be there:[/bad]")
        for sentence in wrong:
            console.print(f"  - {sentence}", markup=False)
    else:
        console.print("\n[good]Checked at both systems: everything is there once, and nothing else.[/good]")


def _row(world: World, order: Any) -> tuple[str, str, str, str]:
    special = {"lost": "  (webhook lost; polling found it)", "twice": "  (webhook came twice)"}.get(order.webhook, "")
    if order.unknown_sku:
        return order.number, "-", "-", "[bad]exception: unknown SKU[/bad]"
    sale = world.erp_order(order)
    parcels = world.shop.fulfillments(order.placed)
    state = "[good]shipped[/good]" if len(parcels) == order.shipments else "[wait]open[/wait]"
    return order.number, sale["name"] if sale else "-", str(len(parcels)), state + special


def _as_data(
    world: World, exceptions: list[dict[str, Any]], conservation: Any, wrong: list[str], seconds: float
) -> dict[str, Any]:
    rows = [
        dict(zip(("shop_order", "erp_order", "shipments"), _row(world, order)[:3], strict=True))
        for order in world.orders
    ]
    return {
        "ok": not wrong,
        "seconds": round(seconds, 2),
        "orders": rows,
        "articles": len(ARTICLES),
        "conservation": conservation,
        "exceptions": exceptions,
        "differences": wrong,
    }


def _show_trace(project: Path, number: str) -> None:
    """The trace of one order, by the same command that its user will type."""
    from hub.cli.main import main

    out().print(f"\n[name]$ hub trace {number.lstrip('#')} --all[/name]")
    main(["--project", str(project), "trace", number, "--all"])


def _show_next(project: Path, world: World) -> None:
    where = os.path.relpath(project)
    unknown = next((order.number.lstrip("#") for order in world.orders if order.unknown_sku), "1001")
    hub = os.path.relpath(sys.argv[0]) if sys.argv[0].endswith("hub") else "hub"
    out().print("\n[name]Try next[/name]")
    for command in (f"trace {unknown}", "exceptions", f"trace --sku {ARTICLES[0].sku}"):
        out().print(f"  {hub} --project {where} {command}", markup=False)


def _keep_running(hub: HubProcesses) -> None:
    err().print(f"\nshop, ERP and hub keep running; the hub listens at {hub.url}; Ctrl-C ends them")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        err().print("ending")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
