"""`hub sim`: serve a vendor's API, emulated, on this machine."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import typer

from hub.cli.options import JsonOption, examples
from hub.cli.signals import stop_signals, wait_for
from hub.cli.views.console import emit, out, print_json
from hub.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Simulators: serve a vendor's API on this machine.")


@app.command(name="list", epilog=examples("hub sim list --json"))
def list_simulators(as_json: JsonOption = False) -> None:
    """The simulators that are installed."""
    from hub.sdk.plugins import load_simulators

    names = sorted(load_simulators())
    emit({"simulators": names}, as_json=as_json, show=lambda: out().print("\n".join(names), markup=False))


@app.command(
    epilog=examples(
        "hub sim run shopify --port 9101",
        "hub sim run shopify --port 9101 --webhooks http://127.0.0.1:8080/webhooks/shop --make order=5",
    )
)
def run(
    name: Annotated[str, typer.Argument(help="The simulator: hub sim list.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 1,
    webhooks: Annotated[str, typer.Option(metavar="URL", help="Send the vendor's webhooks there.")] = "",
    make: Annotated[
        list[str] | None,
        typer.Option("--make", metavar="STREAM=N", help="Make records there, as users would: order=5."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="End after so long; 0 = at Ctrl-C.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Serve a simulator at 127.0.0.1 until Ctrl-C, and print the settings of a connection to it."""
    from hub.cli.opening import simulator

    wanted = [_wanted(text) for text in make or ()]
    simulated = simulator(name)(seed=seed)
    stop = threading.Event()
    with stop_signals(stop), simulated.serve(port=port) as server:
        if webhooks:
            simulated.subscribe_webhooks(webhooks)
        for stream, count in wanted:
            _make(simulated, stream, count)
        settings = simulated.connection_config(server.url)
        _announce(name, server.url, settings, as_json)
        wait_for(stop, seconds)
    simulated.close()


def _wanted(text: str) -> tuple[str, int]:
    stream, _, count = text.partition("=")
    if not stream or not (count.isascii() and count.isdigit()) or not 0 < int(count) <= 100_000:
        raise ConfigError(
            f"{text[:40]!r} is not of the form STREAM=N.", code="CLI-USAGE", fix="For example: --make order=5."
        )
    return stream, int(count)


def _make(simulated: Any, stream: str, count: int) -> None:
    from hub.sdk.testing.simulator import NotOffered

    try:
        simulated.seed_records(stream, count)
    except (NotOffered, KeyError):
        raise ConfigError(f"the {simulated.name} simulator cannot make {stream[:40]!r}.", code="CLI-USAGE") from None


def _announce(name: str, url: str, settings: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"simulator": name, "url": url, "config": settings})
        return
    console = out()
    console.print(f"the {name} simulator listens at [key]{url}[/key]; Ctrl-C ends it")
    console.print("for hub.yaml:")
    console.print('    allow_hosts: ["127.0.0.1"]\n    config:', markup=False)
    for setting, value in settings.items():
        console.print(f"      {setting}: {value}", markup=False)
    console.file.flush()
