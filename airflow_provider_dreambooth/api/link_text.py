"""How a link is shown: without what may be a secret in it."""

from __future__ import annotations

import re

_AUTHORITY = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/]*@)?", re.IGNORECASE)


def is_web_link(text: str) -> bool:
    """Whether a text is meant as an http(s) link, well formed or not."""
    return text.lower().startswith(("http://", "https://"))


def for_display(link: str) -> str:
    """
    Return a link as logs, errors, lineage and XComs show it.

    The query of a presigned link is a secret, a fragment or ``user:password@`` may be one: all three are left out,
    and ``?…`` says that there was a query. Any other text is returned as it is, so a file may have a ``?`` in its name.

    :param link: a link, also one that is not well formed.
    """
    if not is_web_link(link):
        return link
    shown, query = re.split(r"[?#]", link, maxsplit=1)[0], "?" in link
    return _AUTHORITY.sub(r"\1", shown) + ("?…" if query else "")


def holds_secret(link: str) -> bool:
    """Whether :func:`for_display` leaves something out."""
    return for_display(link) != link
