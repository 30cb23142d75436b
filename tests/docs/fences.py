# SPDX-License-Identifier: Apache-2.0
"""
Code samples in the project's Markdown pages.

The first word of a fence's info string is its language. ``no-run: reason`` after it exempts the fence from being run,
where everybody who reads the page's source sees why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Fence:
    """
    One fenced block.

    :param page: the file, relative to the project.
    :param line: the line of its first line of code, from 1.
    :param info: what stands behind the opening backticks.
    :param code: what stands between them.
    """

    page: str
    line: int
    info: str
    code: str

    @property
    def language(self) -> str:
        """The first word of the info string."""
        return self.info.split(maxsplit=1)[0] if self.info else ""

    @property
    def exempt(self) -> str | None:
        """Why it is not run, ``None`` when it is."""
        _, marked, reason = self.info.partition("no-run:")
        return reason.strip() if marked else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return every page that a reader may copy from."""
    written = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(written)]


def fences(page: Path) -> Iterator[Fence]:
    """Yield the samples of a page; directives of the documentation site are none."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and not token.info.startswith("{"):
            assert token.map is not None
            yield Fence(str(page.relative_to(ROOT)), token.map[0] + 2, token.info.strip(), token.content)
