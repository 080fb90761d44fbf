"""Which deliveries of a batch go out together, in one `deliver_many` of their connector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hub.pipeline.prepare import Job
from hub.sdk.connector import Connector


def together(jobs: Sequence[Job], connector: Connector[Any]) -> list[Job]:
    """The jobs to send, where one that stands for several has the others in ``together``.

    What may have been sent goes by itself: it is looked up first. The jobs of a batch are of different lanes, so their order does not
    matter.
    """
    most = {name: stream.batch for name, stream in connector.manifest.streams.items() if stream.batch > 1}
    if not most or len(jobs) < 2:
        return list(jobs)
    alone: list[Job] = []
    by_stream: defaultdict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        fits = job.delivery.stream in most and not job.delivery.maybe_sent and job.delivery.operation != "delete"
        (by_stream[job.delivery.stream] if fits else alone).append(job)
    for stream, found in by_stream.items():
        for begin in range(0, len(found), most[stream]):
            first, *others = found[begin : begin + most[stream]]
            first.together = others
            alone.append(first)
    return alone
