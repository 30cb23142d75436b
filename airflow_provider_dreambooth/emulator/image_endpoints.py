# SPDX-License-Identifier: Apache-2.0
"""Serves images: samples, uploads, and those of renderings, each of which is drawn once."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.bounded import Bounded
from airflow_provider_dreambooth.emulator.faults import FaultRule
from airflow_provider_dreambooth.emulator.hosted_api import HostedApi, Outcome, Receive, Scope, Send
from airflow_provider_dreambooth.emulator.own_images import own_image, own_image_path, rendering_of
from airflow_provider_dreambooth.emulator.rendering import Rendering
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.vocabulary import IMAGE_DOWNLOAD

_PNG_HEADERS = ((b"content-type", b"image/png"),)


class ImageEndpoints:
    """Images by their address.

    :param api: applies the fault rules.
    """

    def __init__(self, service: Service, api: HostedApi) -> None:
        self._service = service
        self._api = api
        self._drawn: Bounded[str, bytes] = Bounded(64)

    async def own(self, request: Request) -> Response:
        """Serve a sample or an upload."""
        path = own_image_path(self._service, f"http://localhost{request.url.path}")
        png = await asyncio.to_thread(own_image, self._service, path) if path else None
        if png is None:
            return Response("no such image", 404, media_type="text/plain")
        return Response(png, media_type="image/png", headers={"cache-control": "max-age=3600"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an image of a rendering; 404 while it is not there yet."""

        async def carry_out(rule: FaultRule | None) -> Outcome:
            return Outcome(await self._rendered(scope["path"], counted), rule)

        # The emulator's own page shows images too; that is not counted.
        counted = b"peek" not in scope["query_string"]
        if counted:
            await self._api.respond(scope, receive, send, IMAGE_DOWNLOAD, "", carry_out)
        else:
            answer = (await carry_out(None)).answer
            headers = {name.decode(): value.decode() for name, value in answer.headers}
            await Response(answer.body, answer.http_status, headers)(scope, receive, send)

    async def _rendered(self, path: str, counted: bool) -> Answer:
        rendering, index = rendering_of(self._service, path)
        if rendering is None or not rendering.is_drawn(self._service.clock.now()):
            return Answer(404, b"Not Found", ((b"content-type", b"text/plain"),))
        if counted:
            rendering.downloads[index] = rendering.downloads.get(index, 0) + 1
            if rendering.downloads[index] <= rendering.late_links:
                return Answer(404, b"Not Found", ((b"content-type", b"text/plain"),))
        png = self._drawn.get(path)
        if png is None:
            png = await asyncio.to_thread(self._draw, rendering, index)
            self._drawn.keep(path, png, len(png))
        return Answer(200, png, _PNG_HEADERS)

    def _draw(self, rendering: Rendering, index: int) -> bytes:
        from airflow_provider_dreambooth.emulator.rendered_image import black_png, rendered_png

        if rendering.nsfw:
            return black_png(rendering.width, rendering.height)
        training_images = []
        for link in rendering.images:
            path = own_image_path(self._service, link)
            training_images.append(
                own_image(self._service, path) if path else self._service.downloads.get(link)
            )
        return rendered_png(rendering, index, training_images)
