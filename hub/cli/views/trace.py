"""The way of a message: every step with its time and outcome, its deliveries and their attempts, and what belongs to it."""

from __future__ import annotations

import difflib
import json
from typing import Any

from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from hub.canonical.reasons import REASONS
from hub.cli.views.console import out, safe, state_text
from hub.cli.views.tables import fix_of
from hub.cli.views.times import ago, clock, day, span
from hub.telemetry.redaction import redact, redact_data

Row = dict[str, Any]

_LONGEST_DIFF = 400


def show_trace(view: Any, now: float, *, payloads: bool = False, http: bool = False) -> None:
    """One message from its arrival to its end."""
    message = view.message
    out().print(
        Text.assemble(
            (f"message {message['id']}", "name"),
            "  ",
            (message["connection"], "name"),
            f" {message['stream']} ",
            (safe(message["external_id"]), "key"),
            "  ",
            state_text(message["state"]),
            _reason(message["reason"]),
            (f"  {day(message['received_at'])} UTC, {ago(message['received_at'], now)}", "quiet"),
        )
    )
    if message["causation_id"]:
        _line(Text(f"a replay or a consequence of message {message['causation_id']}", "quiet"))
    if message["duplicates"]:
        often = "once more" if message["duplicates"] == 1 else f"{message['duplicates']} times more"
        _line(Text(f"the same fact came {often}, and was absorbed", "quiet"))
    if message.get("forgotten"):
        _line(Text("its payload is forgotten: the time for which it was kept is over. The trace stays.", "wait"))
    began = message["received_at"]
    for step, times in _counted([step for step in view.steps if step["delivery_id"] is None]):
        _step(step, began, payloads, times=times)
    for delivery in view.deliveries:
        _delivery(delivery, view.steps, now, payloads=payloads, http=http)
    for exception in view.exceptions:
        _exception(exception)
    if view.related:
        numbers = ", ".join(f"{one['id']} ({one['connection']} {one['stream']})" for one in view.related[:12])
        _line(Text(f"belongs together with message {numbers}", "quiet"))


def _counted(steps: list[Row]) -> list[tuple[Row, int]]:
    """Each step, with how often it came in a row."""
    counted: list[tuple[Row, int]] = []
    for step in steps:
        last = counted[-1][0] if counted else None
        if last and all(
            last[name] == step[name] for name in ("name", "outcome", "code", "detail", "before", "after", "mapping")
        ):
            counted[-1] = (last, counted[-1][1] + 1)
        else:
            counted.append((step, 1))
    return counted


def _step(step: Row, began: float, payloads: bool, indent: int = 2, times: int = 1) -> None:
    took = f"+{span(step['at'] - began)}" if step["at"] >= began else ""
    text = Text.assemble(
        (clock(step["at"]), "quiet"), f" {took:>8}  ", (f"{step['name']:<10}", "name"), state_text(step["outcome"]),
        _reason(step["code"]),
    )  # fmt: skip
    if step["mapping"]:
        text.append(f"  {safe(step['mapping'])}", style="key")
    if step["detail"]:
        text.append(f"  {safe(redact(step['detail']))}")
    if times > 1:
        text.append(f"  {times} times", style="quiet")
    _line(text, indent)
    if payloads:
        _change(step.get("before_body"), step.get("after_body"), indent + 4)
        _forgotten(step, indent + 4)


def _delivery(delivery: Row, steps: list[Row], now: float, *, payloads: bool, http: bool) -> None:
    state = state_text(delivery["state"])
    if delivery["state"] in {"pending", "waiting"} and delivery["due_at"] > now:
        state.append(f" until {clock(delivery['due_at'])} ({ago(delivery['due_at'], now)})")
    _line(
        Text.assemble(
            "→ ",
            (f"delivery {delivery['id']}", "name"),
            f"  {delivery['flow']}: {delivery['operation']} ",
            (delivery["target"], "name"),
            f" {delivery['stream']} ",
            (safe(delivery["external_id"] or ""), "key"),
            "  ",
            state,
            _reason(delivery["reason"]),
            (f"  {safe(delivery['record_id'])} v{delivery['record_version']}", "quiet"),
        )
    )
    for step, times in _counted([step for step in steps if step["delivery_id"] == delivery["id"]]):
        _step(step, delivery["created_at"], payloads, 6, times)
    if payloads and delivery.get("request_body") is not None:
        _line(Text("request", "quiet"), 6)
        _json(delivery["request_body"], 8)
    if payloads:
        _forgotten(delivery, 6)
    for attempt in delivery["attempts"]:
        _attempt(attempt, whole=payloads or http)


def _attempt(attempt: Row, *, whole: bool) -> None:
    text = Text.assemble(
        (clock(attempt["started_at"]), "quiet"), f"  attempt {attempt['number']}  ", state_text(attempt["outcome"]),
        _reason(attempt["code"]), (f"  in {span(attempt['ended_at'] - attempt['started_at'])}", "quiet"),
    )  # fmt: skip
    if attempt["detail"]:
        text.append(f"  {safe(redact(attempt['detail']))}")
    _line(text, 6)
    for exchange in attempt.get("exchanges_body") or ():
        _exchange(exchange, whole=whole)
    if whole:
        _forgotten(attempt, 8)


def _forgotten(row: Row, indent: int) -> None:
    """The payloads of this row that are not kept any more."""
    for name in row.get("forgotten") or ():
        _line(Text(f"{name}: forgotten after its time", "wait"), indent)
    for name in row.get("unreachable") or ():
        _line(Text(f"{name}: in the object store, which does not give it now (hub doctor)", "bad"), indent)


def _exchange(exchange: Row, *, whole: bool) -> None:
    status = int(exchange.get("status") or 0)
    style = "good" if 200 <= status < 300 else "bad" if status >= 400 or not status else "wait"
    answer = str(status) if status else f"no answer: {safe(exchange.get('error', ''))}"
    seconds = float(exchange.get("seconds") or 0)
    _line(
        Text.assemble(
            (safe(exchange.get("method", "")), "name"), " ", (safe(redact(str(exchange.get("url", "")))), "key"), "  ", (answer, style),
            (f"  {span(seconds)}", "quiet"),
        ),
        8,
    )  # fmt: skip
    if whole:
        for side, mark in (("request", ">"), ("response", "<")):
            for name, value in redact_data(dict(exchange.get(f"{side}_headers") or {})).items():
                _line(Text(f"{mark} {safe(name)}: {safe(value)}", "quiet"), 10)
            body = exchange.get(f"{side}_body")
            if body:
                _json(body, 10)


def _exception(exception: Row) -> None:
    style = "bad" if exception["state"] == "open" else "quiet"
    text = Text.assemble(
        (f"exception {exception['id']}", style), "  ", (exception["code"], "name"), "  ", state_text(exception["state"])
    )
    text.append(f"  {safe(redact(exception['detail'] or _meaning(exception['code'])))}")
    _line(text)
    if exception.get("where"):
        _line(Text.assemble(("at ", "quiet"), (safe(exception["where"]), "key")), 4)
    fix = fix_of(exception)
    if fix and exception["state"] == "open":
        _line(Text.assemble(("→ ", "good"), safe(fix)), 4)
    if exception["note"]:
        _line(Text(f"{exception['closed_by']}: {safe(exception['note'])}", "quiet"), 4)


def _change(before: Any, after: Any, indent: int) -> None:
    """Both payloads: the one there is, or what changed where they are of one kind."""
    if before is not None and after is not None and _alike(before, after):
        rows = list(
            difflib.unified_diff(
                _text(before).splitlines(), _text(after).splitlines(), "before", "after", lineterm="", n=1
            )
        )
        _syntax("\n".join(rows[:_LONGEST_DIFF]) or "(the same)", "diff", indent)
        return
    for name, body in (("before", before), ("after", after)):
        if body is not None:
            _line(Text(name, "quiet"), indent)
            _json(body, indent + 2)


def _alike(before: Any, after: Any) -> bool:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return False
    shared = before.keys() & after.keys()
    return len(shared) * 2 > max(len(before), len(after))


def _text(body: Any) -> str:
    return (
        json.dumps(redact_data(body), indent=2, ensure_ascii=False, default=str)
        if not isinstance(body, str)
        else redact(body)
    )


def _json(body: Any, indent: int) -> None:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            _line(Text(safe(redact(body))), indent)
            return
    _syntax(_text(body), "json", indent)


def _syntax(code: str, language: str, indent: int) -> None:
    console = out()
    if console.is_terminal and console.color_system:
        console.print(
            Padding(
                Syntax(safe(code), language, theme="ansi_dark", background_color="default", word_wrap=True),
                (0, 0, 0, indent),
            )
        )
    else:
        for row in safe(code).split("\n"):
            _line(Text(row), indent)


def _line(text: Text, indent: int = 2) -> None:
    out().print(Padding(text, (0, 0, 0, indent), expand=False))


def _reason(code: str | None) -> Text:
    if not code:
        return Text("")
    meaning = _meaning(code)
    return Text.assemble(f"  {code}", (f" ({meaning})" if meaning else "", "quiet"))


def _meaning(code: str) -> str:
    return REASONS[code].meaning if code in REASONS else ""
