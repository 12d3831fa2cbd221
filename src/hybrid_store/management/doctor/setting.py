"""`Setting`: one value that is in effect, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_store.management.doctor.finding import Finding

__all__ = ["Setting", "path_of"]


@dataclass(frozen=True)
class Setting:
    """A value as it is shown; `origin` is None where it is the default."""

    name: str
    value: str
    origin: str | None

    @property
    def finding(self) -> Finding:
        origin = f"from {self.origin}" if self.origin else "the default"
        return Finding(True, self.name, f"{self.value}, {origin}", minor=self.origin is None)


def path_of(first: str, *keys: str) -> str:
    """Where a value stands, as code."""
    return "".join([first, *(f'["{key}"]' for key in keys)])
