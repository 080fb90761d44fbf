"""The way of a message: accept, translate, merge, guard, route; then render, deliver, settle.

The steps are pure functions, one module each. Two orchestrations put them together with the store: `process_batch` for
messages and `work_batch` for deliveries. Whoever calls them (threads, dramatiq actors, a test) decides when and where.
"""

from hub.pipeline.accept import as_new_message, refused_message
from hub.pipeline.context import Context, Flow, Ownership
from hub.pipeline.process import ProcessReport, process_batch
from hub.pipeline.work import WorkReport, work_batch, work_taken

__all__ = [
    "Context",
    "Flow",
    "Ownership",
    "ProcessReport",
    "WorkReport",
    "as_new_message",
    "process_batch",
    "refused_message",
    "work_batch",
    "work_taken",
]
