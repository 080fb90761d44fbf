"""Health for those who restart and route (live, ready), and metrics for those who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from hub.errors import StoreError
from hub.telemetry import metrics

if TYPE_CHECKING:
    from hub.runtime.hub import Hub


def routes(hub: Hub) -> APIRouter:
    """``/health/live``, ``/health/ready`` and ``/metrics``."""
    api = APIRouter()

    @api.get("/health/live")
    def live() -> JSONResponse:
        """The process runs."""
        return JSONResponse({"status": "live"})

    @api.get("/health/ready")
    def ready() -> JSONResponse:
        """This process can do its work now: the database answers, its tables are those of this program, and nothing stops it."""
        if hub.stopping:
            return JSONResponse({"status": "not ready", "code": "HUB-STOPPING"}, 503)
        try:
            hub.store.check_version()
            hub.store.due_messages(1)
        except StoreError as error:
            return JSONResponse({"status": "not ready", "code": error.code}, 503, {"retry-after": "2"})
        return JSONResponse({"status": "ready", "faults": {name: fault.code for name, fault in hub.faults.items()}})

    @api.get("/metrics")
    def prometheus() -> Response:
        """All metrics of this process, and the ledger of the installation."""
        hub.measure()
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)

    return api
