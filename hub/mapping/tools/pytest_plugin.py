"""A pytest plugin: ``pytest mappings`` collects the cases of every ``*.test.yaml`` that stands beside a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hub.mapping.tools.cases import Case
    from hub.mapping.tools.opening import Opened
    from hub.mapping.tools.testing import Outcome

_ENDINGS = (".test.yaml", ".test.yml", ".test.json")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """Collect the test file of a mapping; other files of the same ending, without a mapping beside them, are left alone."""
    if not file_path.name.endswith(_ENDINGS):
        return None
    stem = file_path.name.partition(".test.")[0]
    if not any(file_path.with_name(stem + ending).is_file() for ending in (".yaml", ".yml", ".json")):
        return None
    file: CaseFile = CaseFile.from_parent(parent, path=file_path)
    return file


class CaseFile(pytest.File):
    """A test file of a mapping."""

    _opened: Opened | None = None

    def opened(self) -> Opened:
        """The mapping that the cases are about, compiled once for all of them."""
        from hub.mapping.tools.cases import mapping_of
        from hub.mapping.tools.opening import open_mapping

        if self._opened is None:
            self._opened = open_mapping(mapping_of(self.path))
        return self._opened

    def collect(self) -> Iterator[CaseItem]:
        """One item for each case."""
        from hub.mapping.tools.cases import read_cases

        for case in read_cases(self.path):
            yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        """Run the case; a difference fails it."""
        from hub.mapping.tools.testing import run_case

        assert isinstance(self.parent, CaseFile)
        outcome = run_case(self.case, self.parent.opened())
        if not outcome.passed:
            raise CaseFailed(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The differences, each with its line of the mapping, and no traceback."""
        from hub.errors import HubError

        error = excinfo.value
        if isinstance(error, CaseFailed):
            return str(error)
        if isinstance(error, HubError):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands."""
        return self.path, self.case.line - 1, f"{self.path.name}: {self.name}"


class CaseFailed(Exception):  # it is the outcome of a test
    """A case whose outcome is not the expected one."""

    def __init__(self, outcome: Outcome) -> None:
        head = " ".join(filter(None, (outcome.where, outcome.problem, outcome.fix)))
        super().__init__("\n".join([f"{outcome.mapping}: {head}", *(f"  {d}" for d in outcome.differences)]))
