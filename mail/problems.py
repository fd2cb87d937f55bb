"""What was wrong with a mail, each kind of problem once."""

from __future__ import annotations

from domain.email import Problem


class Problems:
    """Collects problems in the order they were met; the first detail of a code stands."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, code: str, detail: str) -> None:
        self._found.setdefault(code, detail)

    def update(self, found: dict[str, str]) -> None:
        for code, detail in found.items():
            self.add(code, detail)

    def as_list(self) -> list[Problem]:
        return [Problem(code=code, detail=detail) for code, detail in self._found.items()]
