# SPDX-License-Identifier: Apache-2.0
"""The application that serves the pages: files and nothing else. Data comes from Airflow's own REST API."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"

#: Scripts and styles are ours alone, requests go to Airflow alone. Images may come from anywhere: the service's
#: results lie on hosts that it does not name in advance.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' http: https:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked for again each time, and answered with 304 while it is the same: an upgrade shows at once.
    "Cache-Control": "no-cache",
}


class _Pages(StaticFiles):
    """Static files with the headers above."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with the file; HTTP errors are raised."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


@cache
def application() -> Starlette:
    """Return the application, the same at each call."""
    return Starlette(routes=[Mount("/", _Pages(directory=STATIC))])
