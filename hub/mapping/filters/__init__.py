"""The filters of the mapping language: few, named as people in the field name them, each with examples that are tests.

`FILTERS` is the reviewed allow-list. A filter is a plain function of its value and its arguments; it raises
:class:`~hub.errors.MappingError` with a code and a fix, and the engine adds file, line and field. Filters whose entry says
``may_be_absent`` can return :data:`ABSENT`, which counts as a missing field.
"""

from __future__ import annotations

from hub.mapping.filters import codes, dates, lists, number, text, values
from hub.mapping.filters.base import ABSENT, FILTERS, Absent, Example, Filter, filter_, masked, wrong
from hub.mapping.filters.own import own_filters

__all__ = [
    "ABSENT",
    "FILTERS",
    "Absent",
    "Example",
    "Filter",
    "codes",
    "dates",
    "filter_",
    "lists",
    "masked",
    "number",
    "own_filters",
    "text",
    "values",
    "wrong",
]
