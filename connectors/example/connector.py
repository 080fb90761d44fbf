"""The Example ERP: example.yaml says how it works. Here stands what the file cannot say: two requests for one deletion."""

from __future__ import annotations

from hub.errors import Rejected
from hub.sdk.declarative import DeclarativeConnector
from hub.sdk.records import DeliverResult, OutboundRecord


class ExampleConnector(DeclarativeConnector, file="example.yaml"):
    """The Example ERP, as its file describes it."""

    def delete_variant(self, record: OutboundRecord) -> DeliverResult:
        """An item is never deleted: an action blocks it, and takes it only with the item's etag. A blocked one stays as it is.

        Raises `RetryLater` where somebody changed the item between the two requests.
        """
        external_id = record.external_id or ""
        if not (external_id.isascii() and external_id.isdigit()):
            raise Rejected("the item to block is not known at the Example ERP", code="XREF-MISSING")
        item = self.call({"get": "/odata/Items({id})"}, id=int(external_id))
        if item.missing or item.data["Blocked"]:
            return DeliverResult(external_id, "unchanged")
        block = {"post": "/odata/Items({id})/Example.Block", "headers": {"If-Match": "{etag}"}}
        self.call(block, id=int(external_id), etag=item.response.headers.get("etag")).there()
        return DeliverResult(external_id, "deleted")

    def find_effect_variant(self, record: OutboundRecord) -> DeliverResult | None:  # noqa: ARG002
        """None: blocking an item twice is as once, so that it may simply be sent again."""
        return None
