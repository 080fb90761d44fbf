"""The registry of reason codes: every hold, exception, filter and failed delivery carries one of these, and no other.

The policy says what happens by itself; the owner says whose desk it lands on; the fix says what that person does.
``x12`` is the line status code of X12 data element 668 that says the same to a trading partner, where there is one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Policy(StrEnum):
    """What the hub does when a reason is found."""

    STOP = "stop"
    HOLD_LINE = "hold_line"
    CONTINUE = "continue"
    RETRY = "retry"
    DISCARD = "discard"


class Reason(NamedTuple):
    """One registered reason: its code, what it means, what the hub does, whose it is, and what that person does."""

    code: str
    meaning: str
    policy: Policy
    owner: str
    fix: str = ""
    x12: str = ""


_S, _L, _C, _R, _D = Policy.STOP, Policy.HOLD_LINE, Policy.CONTINUE, Policy.RETRY, Policy.DISCARD
_RELEASE = "then release it: hub exceptions release ID"

_ROWS = (
    # credit and accounts
    Reason("CRD-HOLD", "the account is on credit hold", _S, "finance", "Clear the hold in the ERP.", "IH"),
    Reason(
        "CRD-LIMIT",
        "the order would exceed the credit limit",
        _S,
        "finance",
        "Raise the limit or wait for a payment.",
        "IH",
    ),
    Reason("CRD-PASTDUE", "the account has past-due invoices", _S, "finance", "Collect, or release by hand.", "IH"),
    Reason("ACC-UNKNOWN", "the account is not known", _S, "sales ops", f"Create or link the account, {_RELEASE}"),
    Reason("ACC-BLOCKED", "the account is blocked", _S, "sales ops", "Unblock the account, or reject the order."),
    Reason("ACC-AMBIGUOUS", "several accounts match", _S, "sales ops", "Merge them, or link the right one."),
    Reason("BUY-NOPERM", "the buyer may not order this", _S, "sales", "Change the buyer's role, or reject.", "IW"),
    Reason("BUY-LIMIT", "the order is over the buyer's approval limit", _S, "sales", "Have it approved.", "IW"),
    # addresses and freight
    Reason(
        "SHP-ADDR-INVALID", "the delivery address is not valid", _S, "service", "Correct the address in the shop.", "IF"
    ),
    Reason("SHP-ADDR-UNVERIFIED", "the delivery address could not be verified", _C, "service", "", "IF"),
    Reason("SHP-SHIPTO-UNKNOWN", "the ship-to is not mapped", _S, "sales ops", f"Map the ship-to, {_RELEASE}"),
    Reason(
        "SHP-METHOD-UNMAPPED", "the shipping method has no mapping", _S, "analyst", f"Add it to the lookup, {_RELEASE}"
    ),
    Reason(
        "SHP-RESTRICTED",
        "the goods may not be shipped there",
        _S,
        "logistics",
        "Cancel the line, or change the address.",
        "IH",
    ),
    Reason(
        "FRT-CONSTRAINT", "a freight rule forbids this shipping method", _S, "logistics", "Choose another method.", "IH"
    ),
    Reason("FRT-MISMATCH", "the freight differs from what was quoted", _C, "logistics", "", "IH"),
    # items
    Reason(
        "ITM-UNKNOWN",
        "the SKU is not known",
        _L,
        "catalogue",
        f"Create the product, or correct its SKU, in the system that owns products; {_RELEASE}",
        "R2",
    ),
    Reason("ITM-AMBIGUOUS", "several items have this SKU", _L, "catalogue", f"Make the SKU unique, {_RELEASE}"),
    Reason(
        "ITM-DISCONTINUED", "the item is discontinued and out of stock", _L, "catalogue", "Offer the successor.", "ID"
    ),
    Reason("ITM-BLOCKED", "the item is blocked for sale", _L, "sales", "Unblock it, or reject the line.", "IH"),
    Reason("ITM-NOTCONTRACT", "the item is not on the contract", _L, "sales", "Extend the contract, or reject.", "R1"),
    Reason("ITM-UOM", "the unit of measure is wrong", _L, "sales", "Correct the unit.", "R3"),
    Reason(
        "ITM-MOQ", "the quantity is below the minimum or not a multiple", _L, "sales", "Correct the quantity.", "R3"
    ),
    Reason("SUB-PROPOSED", "a substitute is proposed", _L, "service", "Ask the buyer.", "IS"),
    Reason("SUB-APPLIED", "a substitute was taken", _C, "service", "", "IS"),
    Reason("SUB-REFUSED", "the substitute was refused", _L, "service", "Cancel the line."),
    # stock
    Reason("INV-BACKORDER", "none in stock now; it will follow", _C, "service", "", "IB"),
    Reason("INV-PARTIAL", "a part ships now", _C, "service", "", "BP"),
    Reason(
        "INV-OVERSOLD", "more was accepted than may be sold", _S, "inventory", "Cancel or backorder the order.", "IR"
    ),
    Reason("INV-STALE", "the stock level is older than allowed", _R, "system"),
    Reason("INV-CAS-STALE", "the level changed at the target since it was read", _R, "system"),
    Reason("INV-LOT", "the lot or serial number is missing or expired", _L, "warehouse", "Record the lot.", "IH"),
    # prices, tax, money
    Reason(
        "PRC-MISMATCH",
        "the buyer's price is not the owner's price",
        _S,
        "sales",
        "Correct the price, or accept it.",
        "IP",
    ),
    Reason("PRC-EXPIRED", "the price is out of date", _S, "pricing", "Renew the price.", "IE"),
    Reason("PRC-NOTYET", "the price is not valid yet", _S, "pricing", "Correct its dates.", "IE"),
    Reason("PRC-GAP", "no price row applies", _S, "pricing", "Add a price row.", "IE"),
    Reason("PRC-OVERLAP", "two price rows apply", _S, "pricing", "Remove one.", "IE"),
    Reason("PRC-BELOWFLOOR", "the price is below the floor", _S, "pricing", "Approve or correct it.", "IH"),
    Reason("PRM-INVALID", "the coupon is unknown or used up", _L, "marketing", "Accept or remove it."),
    Reason(
        "TAX-MISMATCH", "the tax differs from the owner's", _S, "finance", "Check the tax rules of both systems.", "IH"
    ),
    Reason("TAX-EXEMPT-EXPIRED", "the tax exemption has lapsed", _S, "finance", "Renew the certificate.", "IH"),
    Reason("TAX-JURISDICTION", "no tax jurisdiction was found", _S, "finance", "Complete the address.", "IH"),
    Reason("AMT-ROUNDING", "the sums differ within the tolerance", _C, "finance"),
    Reason(
        "AMT-TOTAL",
        "the sums differ beyond the tolerance",
        _S,
        "finance",
        f"Compare the order in both systems, {_RELEASE}",
    ),
    Reason(
        "CUR-UNSUPPORTED", "the currency is not supported there", _S, "finance", "Enable the currency at the target."
    ),
    Reason("CUR-FX-STALE", "the exchange rate is too old", _S, "finance", "Update the rate."),
    # payments
    Reason("PAY-DECLINED", "the payment was declined", _S, "finance", "Ask the buyer for another payment.", "IH"),
    Reason("PAY-AUTH-EXPIRED", "the authorisation has expired", _S, "finance", "Authorise again.", "IH"),
    Reason("PAY-AMOUNT", "the amount paid is not the amount due", _S, "finance", "Check the payment.", "IH"),
    Reason("PAY-FRAUD", "the payment is suspected of fraud", _S, "risk", "Review the order.", "IH"),
    # duplicates and edits
    Reason("DUP-EVENT", "the same event again", _D, "system"),
    Reason("DUP-ORDER", "the same business order under another id", _S, "service", "Cancel one of the two."),
    Reason("DUP-CUSTOMER", "likely the same person or company", _C, "data steward"),
    Reason("ORD-EDIT-LATE", "edited after picking", _S, "service", "Tell the warehouse.", "IC"),
    Reason("ORD-EDIT-CONFLICT", "both sides edited the order", _S, "service", "Choose one side's value.", "IC"),
    Reason("ORD-CANCEL-LATE", "cancelled after shipping", _S, "service", "Intercept it, or start a return.", "ID"),
    Reason("ORD-CANCEL-PARTIAL", "a part was cancelled", _C, "service", "", "ID"),
    Reason(
        "ORD-PLACED-ELSEWHERE",
        "the order was placed elsewhere, and the target takes none of those",
        _S,
        "engineer",
        f"Have the target take them, or keep them back with a condition of the flow; {_RELEASE}",
    ),
    Reason("ORD-REVIEW", "a rule asks for a manual review", _S, "service", f"Review the order, {_RELEASE}", "IH"),
    Reason("ORD-SPLIT", "split over warehouses", _C, "system", "", "AA"),
    # sent back and paid back
    Reason("RET-WINDOW", "outside the return window", _S, "service", "Accept or refuse the return."),
    Reason("RET-QTY", "more returned than shipped", _S, "service", "Count again."),
    Reason("RET-CONDITION", "the condition does not allow the return", _S, "service", "Accept or refuse it."),
    Reason(
        "RET-CONFLICT", "the two systems decided differently about the return", _S, "service", "Agree on one decision."
    ),
    Reason("RET-UNKNOWN", "no order for this return", _S, "service", "Find the order."),
    Reason("RFD-EXCEEDS", "the refund is more than was paid", _S, "finance", "Correct the refund."),
    Reason("RFD-FAILED", "the gateway refused the refund", _S, "finance", "Refund by other means."),
    Reason(
        "CRN-INSUFFICIENT", "the credit note is too small for the refund", _S, "finance", "Correct the credit note."
    ),
    # marketplaces
    Reason("MKT-SHIPBY-RISK", "the ship-by time is near", _C, "channel manager"),
    Reason("MKT-CANCELLED", "cancelled on the marketplace", _S, "channel manager", "Cancel it in the ERP."),
    Reason("MKT-FEE", "the fee differs", _C, "channel manager"),
    # ownership and loops
    Reason("OWN-VIOLATION", "a system changed what it does not own; the change was dropped", _C, "analyst"),
    Reason("CONFLICT", "both sides changed the same field", _S, "analyst", "Choose one side's value."),
    Reason(
        "LOOP-SUSPECT",
        "the same change goes round in a circle",
        _S,
        "analyst",
        "Pause the flow and check ownership.yaml.",
    ),
    # mapping
    Reason(
        "MAP-MISSING",
        "a mapping reads a field that is not there",
        _S,
        "analyst",
        f"Give it a default or mark it $optional in the mapping, {_RELEASE}",
    ),
    Reason("MAP-TYPE", "a value has the wrong type for the mapping", _S, "analyst", f"Correct the mapping, {_RELEASE}"),
    Reason("MAP-LOOKUP", "a value is not in the lookup table", _S, "analyst", f"Add the row, {_RELEASE}"),
    Reason("MAP-EXPR", "an expression of the mapping failed", _S, "analyst", f"Correct the mapping, {_RELEASE}"),
    Reason("MAP-MATCH", "no branch of $match fits the value", _S, "analyst", f"Add the branch, {_RELEASE}"),
    Reason(
        "MAP-ERROR",
        "the mapping refuses this record on purpose",
        _S,
        "analyst",
        f"Read the message, mend the cause, {_RELEASE}",
    ),
    Reason("MAP-LIMIT", "the mapping went over its budget", _S, "analyst", f"Make the mapping do less, {_RELEASE}"),
    Reason("MAP-NONE", "no mapping translates this stream", _S, "analyst", f"Write the mapping, {_RELEASE}"),
    Reason(
        "SCH-INVALID",
        "the record does not fit the schema",
        _S,
        "engineer",
        f"Correct the mapping or the source, {_RELEASE}",
    ),
    Reason("SCH-DRIFT", "an unknown new field or value", _C, "engineer"),
    # identity and dependencies
    Reason(
        "XREF-MISSING",
        "a record that this one refers to is not known there",
        _R,
        "data steward",
        f"Create or link the record, {_RELEASE}",
    ),
    Reason(
        "XREF-CONFLICT",
        "several records claim the same identity",
        _S,
        "data steward",
        f"Remove or merge one, {_RELEASE}",
    ),
    Reason("DEP-PARKED", "waits for a record that this one refers to", _R, "system"),
    # connections
    Reason(
        "CON-AUTH",
        "the connection's credentials do not work",
        _R,
        "engineer",
        "Renew the credentials: hub doctor tells which.",
    ),
    Reason(
        "CON-HOSTKEY",
        "the server's key is not the one in the settings",
        _R,
        "engineer",
        "Ask the server's administrator for its key; then correct host_key of the connection.",
    ),
    Reason("CON-SCOPE", "the connection lacks a permission", _R, "engineer", "Grant the scope in the vendor's admin."),
    Reason("CON-RATE", "the system asks for a slower pace", _R, "engineer"),
    Reason("CON-DOWN", "the system does not answer", _R, "engineer", "Check that the system is up: hub doctor."),
    Reason(
        "CON-EGRESS",
        "the address is private and not on the connection's allow-list",
        _R,
        "engineer",
        "Correct the address, or add it to allow_hosts of the connection.",
    ),
    Reason("CON-TIMEOUT", "the system was too slow", _R, "engineer", "Check the system's load."),
    Reason("CON-UNCERTAIN", "the effect is unknown and is being looked up", _R, "engineer"),
    Reason(
        "CON-OUTCOME",
        "the effect is unknown and cannot be looked up",
        _S,
        "service",
        f"Look in the target system whether it is there; {_RELEASE}",
    ),
    Reason(
        "CON-REJECTED", "the system refused the request", _S, "engineer", f"Read its answer, mend the cause, {_RELEASE}"
    ),
    Reason("CON-RETRIES", "every retry failed", _S, "engineer", f"Check the system with hub doctor, {_RELEASE}"),
    Reason(
        "CON-UNSUPPORTED", "the connector cannot do this", _S, "engineer", "Remove the flow, or extend the connector."
    ),
    Reason(
        "CON-WEBHOOKS",
        "the vendor had ended webhook subscriptions; they were made again",
        _C,
        "engineer",
        "See whether the hub could be reached at its public address, then resolve it; what was missed is polled.",
    ),
    Reason("CON-DEPRECATED", "the vendor will remove what the connector uses", _C, "engineer"),
    # the hub itself
    Reason("HUB-WORKER-CRASH", "the worker died three times on this", _S, "engineer", "Read the log, and report it."),
    Reason(
        "HUB-BUG",
        "the hub or a connector failed in a way it should not",
        _S,
        "engineer",
        f"Read the log, report it, {_RELEASE}",
    ),
    Reason("HUB-DUPLICATE", "the target holds the effect twice", _S, "service", "Remove one of the two at the target."),
    Reason(
        "IN-FILE",
        "a file, or a row of it, cannot be read",
        _S,
        "engineer",
        "Correct it at its source, and have it sent again; the file lies in the quarantine folder with the reason.",
    ),
    Reason("IN-UNUSABLE", "authentic, but not usable", _S, "engineer", "Look at the payload: hub trace."),
    Reason(
        "IN-INVALID-CHARACTER",
        "a text holds a character that cannot be stored",
        _S,
        "engineer",
        "Correct it at its source.",
    ),
    Reason("IN-NUMBER-OUT-OF-RANGE", "a number is out of range", _S, "engineer", "Correct it at the source."),
    Reason("IN-PRECISION", "a number has more digits than can be carried exactly", _S, "engineer", "Round it there."),
    Reason(
        "IN-TOPIC",
        "authentic, but of a kind nobody subscribed to",
        _S,
        "engineer",
        "Add the stream, or end the subscription.",
    ),
    # protection of data
    Reason(
        "PII-REQUEST",
        "a person asked for their data, or that it be erased",
        _S,
        "data protection",
        "Answer, or erase it in every system that has it, in time; then resolve it with a note of what was done.",
    ),
    Reason("PII-BLOCKED", "personal data may not go there", _S, "data protection", "Change the mapping."),
    Reason("PCI-BLOCKED", "card data may not be stored", _S, "data protection", "Remove it at the source."),
    Reason("GDPR-ERASED", "the person's data was erased", _D, "data protection"),
    # endings that are no fault
    Reason("FLT-FILTERED", "a rule says that this is not to be delivered", _D, "system"),
    Reason("FLT-UNCHANGED", "nothing changed", _D, "system"),
    Reason("FLT-ECHO", "the hub's own write came back", _D, "system"),
    Reason("FLT-GONE", "the record that a notice speaks of is not there", _D, "system"),
    Reason("FLT-NOFLOW", "no flow takes this change anywhere", _D, "system"),
    Reason("SEQ-STALE", "older than what is already known", _D, "system"),
    Reason("SEQ-SUPERSEDED", "a newer update of the same record took its place", _D, "system"),
)

REASONS: dict[str, Reason] = {reason.code: reason for reason in _ROWS}
"""Every reason by its code."""


def reason(code: str) -> Reason:
    """The registered reason, or HUB-BUG's where a code is not registered (a test keeps that from happening)."""
    return REASONS.get(code) or REASONS["HUB-BUG"]
