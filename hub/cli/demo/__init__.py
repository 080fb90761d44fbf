"""`hub demo`: the main job from beginning to end, between a simulated shop and a simulated ERP, and checked at both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption

app = typer.Typer()


@app.command(
    epilog="Examples:  [bold]hub demo[/bold]   [bold]hub demo --keep[/bold]   "
    "[bold]hub demo --database-url postgresql+psycopg://hub@localhost/demo --broker-url amqp://guest:guest@localhost[/bold]"
)
def demo(
    orders: Annotated[int, typer.Option(min=12, max=5000, help="How many orders buyers place.")] = 25,
    folder: Annotated[Path, typer.Option("--dir", help="The demo's project directory; replaced by every demo.")] = Path(
        ".hub-demo"
    ),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the shop, the ERP and the hub running until Ctrl-C.")
    ] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds that each step may take.")] = 60.0,
    odoo_url: Annotated[
        str,
        typer.Option(
            "--odoo-url", help="A real Odoo to use in the simulated one's place, such as http://127.0.0.1:8069."
        ),
    ] = "",
    odoo_db: Annotated[str, typer.Option("--odoo-db", help="The database of that Odoo: an empty trial company.")] = "",
    odoo_key: Annotated[
        str, typer.Option("--odoo-key", envvar="HUB_DEMO_ODOO_KEY", help="The API key of a user of that Odoo.")
    ] = "",
    database: DatabaseOption = None,
    broker: BrokerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move orders from a simulated shop to a simulated ERP and back, then compare both with what must be there.

    One webhook gets lost, one comes twice, one order has an article that nobody knows, and one ships in two parcels. The exit
    code is 1 when anything differs from what must be there.
    """
    from hub.cli.demo.show import perform
    from hub.errors import ConfigError

    odoo = (odoo_url, odoo_db, odoo_key) if odoo_url or odoo_db or odoo_key else None
    if odoo and not all(odoo):
        raise ConfigError(
            "a real Odoo needs --odoo-url, --odoo-db and --odoo-key together.",
            fix="Make an API key in Odoo: Preferences, Account Security.",
        )
    raise typer.Exit(
        perform(
            folder.absolute(),
            orders,
            keep=keep,
            patience=patience,
            database=database,
            broker=broker,
            as_json=as_json,
            odoo=odoo,
        )
    )
