"""Change something in the hub: directly in its store, or through the REST API where a running hub holds the store."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli.opening import open_project, open_store
from hub.errors import ConfigError, HubError, StoreError
from hub.project import Project

if TYPE_CHECKING:
    from hub.store import Store

BY = "cli"


class Acting(ABC):
    """What a person may do by hand."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @abstractmethod
    def release(self, exception_id: int, note: str) -> None:
        """Try what stopped again."""

    @abstractmethod
    def resolve(self, exception_id: int, note: str) -> None:
        """Close an exception without trying again."""

    @abstractmethod
    def pause(self, connection: str, detail: str) -> None:
        """Stop calling a connection."""

    @abstractmethod
    def resume(self, connection: str) -> None:
        """Call it again."""

    @abstractmethod
    def replay_message(self, message_id: int) -> int:
        """Process a message anew, and return the new one's id."""

    @abstractmethod
    def replay_delivery(self, delivery_id: int) -> None:
        """Render and send a delivery anew."""

    @abstractmethod
    def maintain(self, *, dry_run: bool) -> dict[str, Any]:
        """Make what the next days need, and forget what is over; says what it did or would do."""

    @abstractmethod
    def poll(self, connection: str, stream: str) -> bool:
        """Make a poll due at once; false where it is not one of the stored schedules."""

    @abstractmethod
    def read(self, connection: str, stream: str, **how: Any) -> dict[str, Any]:
        """Read a stream by hand; see `hub.runtime.reading`."""

    @abstractmethod
    def webhooks(self, connection: str, action: str, **given: Any) -> dict[str, Any]:
        """Look at a connection's webhook subscriptions ("list"), or change them ("ensure", "pause", "remove")."""


class InStore(Acting):
    """Writes to the store. A running hub of the cluster sees it at its next look."""

    def __init__(self, project: Project, store: Store) -> None:
        super().__init__(project)
        self._store = store

    def release(self, exception_id: int, note: str) -> None:
        """Try what stopped again."""
        self._store.release([exception_id], by=BY, note=note)

    def resolve(self, exception_id: int, note: str) -> None:
        """Close an exception without trying again."""
        if not self._store.resolve([exception_id], by=BY, note=note):
            raise HubError(
                f"there is no open exception {exception_id}.",
                code="EXC-UNKNOWN",
                fix="hub exceptions list shows the open ones.",
            )

    def pause(self, connection: str, detail: str) -> None:
        """Stop calling a connection."""
        self._store.register_connections([connection])
        self._store.pause(connection, "PAUSED", detail)

    def resume(self, connection: str) -> None:
        """Call it again."""
        self._store.register_connections([connection])
        self._store.resume(connection)

    def replay_message(self, message_id: int) -> int:
        """Process a message anew, and return the new one's id."""
        return self._store.replay_message(message_id, by=BY)

    def replay_delivery(self, delivery_id: int) -> None:
        """Render and send a delivery anew."""
        self._store.replay_delivery(delivery_id, by=BY)

    def maintain(self, *, dry_run: bool) -> dict[str, Any]:
        """Make what the next days need, and forget what is over."""
        return self._store.maintain(dry_run=dry_run).as_dict()

    def poll(self, connection: str, stream: str) -> bool:
        """Make a poll due at once."""
        return self._store.run_schedule_now(f"poll:{connection}:{stream}")

    def read(self, connection: str, stream: str, **how: Any) -> dict[str, Any]:
        """Read a stream by hand."""
        from hub.cli.opening import catalog
        from hub.runtime.connections import Connections
        from hub.runtime.reading import Reading

        connections = Connections(self.project, catalog(), self._store)
        try:
            return Reading(self._store, self.project, connections).read(connection, stream, **how)
        finally:
            connections.close()

    def webhooks(self, connection: str, action: str, **given: Any) -> dict[str, Any]:
        """Look at a connection's webhook subscriptions, or change them."""
        from hub.cli.opening import catalog
        from hub.runtime.connections import Connections
        from hub.runtime.webhooks import Webhooks

        connections = Connections(self.project, catalog(), self._store)
        try:
            return Webhooks(self._store, self.project, connections).do(connection, action, **given)
        finally:
            connections.close()


class OverHttp(Acting):
    """Asks the running hub of this machine, which alone may write to its SQLite database."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        host = "127.0.0.1" if project.host in {"0.0.0.0", "::"} else project.host  # noqa: S104 - compared, not bound
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{project.port}/api"

    def release(self, exception_id: int, note: str) -> None:
        """Try what stopped again."""
        self._post(f"/exceptions/{exception_id}/release", note=note)

    def resolve(self, exception_id: int, note: str) -> None:
        """Close an exception without trying again."""
        self._post(f"/exceptions/{exception_id}/resolve", note=note)

    def pause(self, connection: str, detail: str) -> None:
        """Stop calling a connection."""
        self._post(f"/connections/{connection}/pause", detail=detail)

    def resume(self, connection: str) -> None:
        """Call it again."""
        self._post(f"/connections/{connection}/resume")

    def replay_message(self, message_id: int) -> int:
        """Process a message anew, and return the new one's id."""
        return int(self._post(f"/messages/{message_id}/replay")["message"])

    def replay_delivery(self, delivery_id: int) -> None:
        """Render and send a delivery anew."""
        self._post(f"/deliveries/{delivery_id}/replay")

    def maintain(self, *, dry_run: bool) -> dict[str, Any]:
        """Make what the next days need, and forget what is over."""
        return self._post("/maintain", dry_run=dry_run)

    def poll(self, connection: str, stream: str) -> bool:
        """Make a poll due at once."""
        return bool(self._post(f"/connections/{connection}/poll/{stream}").get("due", True))

    def read(self, connection: str, stream: str, **how: Any) -> dict[str, Any]:
        """Read a stream by hand."""
        return self._post(f"/connections/{connection}/read/{stream}", 600.0, **how)

    def webhooks(self, connection: str, action: str, **given: Any) -> dict[str, Any]:
        """Look at a connection's webhook subscriptions, or change them."""
        return self._post(f"/connections/{connection}/webhooks/{action}", **given)

    def _post(self, path: str, timeout: float = 15.0, /, **data: Any) -> dict[str, Any]:
        token = self.project.secrets.get("HUB_API_TOKEN")
        if not token:
            raise ConfigError(
                "a running hub holds the database, and its REST API has no token to ask it with.",
                code="CFG-API-TOKEN",
                fix="Set HUB_API_TOKEN in .env and start the hub again; or stop the hub, and repeat the command.",
            )
        request = urllib.request.Request(  # noqa: S310 - always http://, see above
            self._base + path,
            data=json.dumps(data).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="POST",
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=timeout) as answer:
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None
        except (OSError, ValueError):
            raise HubError(
                f"a running hub holds the database, and does not answer at {self._base}.",
                code="HUB-NOT-ANSWERING",
                fix="Stop it and repeat the command; or set listen: in hub.yaml to where it really listens.",
            ) from None


def _refused(error: urllib.error.HTTPError) -> HubError:
    try:
        said = json.loads(error.read())
    except ValueError:
        said = {}
    return HubError(
        str(said.get("message", f"the hub answered {error.code}.")),
        code=str(said.get("code", f"API-{error.code}")),
        fix=str(said.get("fix", "")),
        where=str(said.get("field", "")),
    )


@contextlib.contextmanager
def acting(named: Path | None) -> Iterator[Acting]:
    """The way to act on the project's hub: its store, or the running hub where that one holds the store's lock."""
    project = open_project(named)
    with contextlib.ExitStack() as stack:
        act: Acting
        try:
            act = InStore(project, stack.enter_context(open_store(project, readonly=False)))
        except StoreError as error:
            if error.code != "STO-LOCKED":
                raise
            act = OverHttp(project)
        yield act
