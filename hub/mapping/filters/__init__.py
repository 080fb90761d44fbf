"""The filters of the mapping language: few, named as people in the field name them, each with examples that are tests.

`FILTERS` is the reviewed allow-list. A filter is a plain function of its value and its arguments; it raises
:class:`~hub.errors.MappingError` with a code and a fix, and the engine adds file, line and field. Filters whose entry says
``may_be_absent`` can return :data:`ABSENT`, which counts as a missing field.
"""

from __future__ import annotations

from hub.mapping.filters import codes, dates, lists, number, text, values
from hub.mapping.filters.base import ABSENT, FILTERS, Absent, Example, Filter, masked, wrong

__all__ = [
    "ABSENT",
    "FILTERS",
    "Absent",
    "Example",
    "Filter",
    "codes",
    "dates",
    "lists",
    "masked",
    "number",
    "text",
    "values",
    "wrong",
]
