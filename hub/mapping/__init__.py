"""The mapping engine: translates the records of connected systems to the canonical model and back."""

from hub.mapping.condition import Condition, compile_condition, compile_filter
from hub.mapping.findings import Finding, MappingFault, MappingInvalid
from hub.mapping.lineage import Lineage, Origin
from hub.mapping.lookups import Lookups
from hub.mapping.mapping import Mapping, NoLinks, Translation
from hub.mapping.mapping_set import MappingSet
from hub.mapping.runtime import Links

__all__ = [
    "Condition",
    "Finding",
    "Lineage",
    "Links",
    "Lookups",
    "Mapping",
    "MappingFault",
    "MappingInvalid",
    "MappingSet",
    "NoLinks",
    "Origin",
    "Translation",
    "compile_condition",
    "compile_filter",
]
