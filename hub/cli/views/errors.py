"""One block for an error: its code, what it is, where, and what to do."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from hub.cli.views.console import err, print_json, safe
from hub.errors import HubError
from hub.telemetry.redaction import redact_data


def show_error(error: HubError, *, as_json: bool = False) -> None:
    """Show the error on standard error, or as JSON on standard output."""
    said = redact_data(error.as_dict())
    if as_json:
        print_json({"error": said})
        return
    head = Text.assemble(("error ", "bad"), (said["code"], "name"))
    if "where" in said:
        head.append("  ").append(safe(said["where"]), style="key")
    err().print(head)
    err().print(Padding(Text(safe(said["message"])), (0, 0, 0, 2), expand=False))
    if "fix" in said:
        err().print(Padding(Text.assemble(("→ ", "good"), safe(said["fix"])), (0, 0, 0, 2), expand=False))
