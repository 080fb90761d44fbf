"""Concurrent webhooks share one transaction: under load a commit carries many, and without load none waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands what arrived meanwhile to ``commit`` as one list, in a thread; each caller gets its own result.

    ``commit`` is all or nothing: when it raises, every caller of that list gets the error.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Result]], *, batch: int, linger: float) -> None:
        self._commit = commit
        self._batch = batch
        self._linger = linger
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")

    @property
    def waiting(self) -> int:
        """How many wait for their commit to begin."""
        return len(self._waiting)

    async def add(self, item: Item) -> Result:
        """Commit the item together with others, and return its result."""
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def close(self) -> None:
        """Commit what waits, and stop."""
        while self._waiting:
            await asyncio.gather(*(future for _, future in self._waiting), return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        busy = False
        while True:
            await self._arrived.wait()
            if busy and len(self._waiting) < self._batch:
                await asyncio.sleep(self._linger)
            batch, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            if not self._waiting:
                self._arrived.clear()
            if not batch:
                continue
            try:
                results = await loop.run_in_executor(self._thread, self._commit, [item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it belongs to the callers
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
            busy = len(batch) > 1 or bool(self._waiting)
