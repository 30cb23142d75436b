"""Serves pictures: draws each once, outside the event loop, and keeps the last ones."""

from __future__ import annotations

import asyncio
import collections

from starlette.requests import Request
from starlette.responses import Response

from airflow_provider_dreambooth.emulator.faults import BROKEN
from airflow_provider_dreambooth.emulator.hosted_api import CLOSE_CONNECTION, ConnectionCutError
from airflow_provider_dreambooth.emulator.pictures import own_picture, own_picture_name
from airflow_provider_dreambooth.emulator.rendering import Rendering
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.vocabulary import PICTURE

_KEPT = 64


class PictureStore:
    """Finished pictures.

    :param service: the emulator's state.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept: collections.OrderedDict[tuple[str, int], bytes] = collections.OrderedDict()

    async def own(self, request: Request) -> Response:
        """Serve a sample or an upload.

        :param request: the request.
        """
        name = own_picture_name(self._service, f"http://localhost{request.url.path}")
        png = await asyncio.to_thread(own_picture, self._service, name) if name else None
        if png is None:
            return Response("no such picture", 404, media_type="text/plain")
        return Response(png, media_type="image/png", headers={"cache-control": "max-age=3600"})

    async def generation(self, name: str, request: Request) -> Response:
        """Serve a rendered picture, 404 while it is not there yet.

        :param name: file name without its ending.
        :param request: the request.
        """
        service = self._service
        prefix, _, number = name.rpartition("-")
        rendering = service.rendering_of(prefix)
        index = int(number) if number in ("0", "1", "2", "3") else 4
        missing = Response("Not Found", 404, media_type="text/plain")
        response = missing
        # The page's own look at a picture counts for nothing.
        counted = "peek" not in request.query_params
        rule = service.faults.take(PICTURE, "") if counted and service.faults.rules else None
        if rendering is not None and index < rendering.samples and rendering.is_drawn(service.clock.now()):
            if counted:
                rendering.downloads[index] = rendering.downloads.get(index, 0) + 1
            if not counted or rendering.downloads[index] > rendering.late_links:
                png = await self._drawn(rendering, index)
                response = Response(png, media_type="image/png")
        kind = ""
        if rule is not None:
            kind = rule.kind
            await asyncio.sleep(rule.hold_seconds())
            spoiled = rule.spoiled(service.answers)
            if rule.kind in BROKEN:
                close = request.scope.get(CLOSE_CONNECTION)
                service.journal.note(service.clock.now(), "GET", request.url.path, PICTURE, 0, kind)
                if close is None:
                    raise ConnectionCutError(rule.kind)
                close()
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                return response
            if spoiled is not None:
                headers = {name.decode(): value.decode() for name, value in spoiled.headers}
                response = Response(spoiled.body, spoiled.http_status, headers)
        service.journal.note(
            service.clock.now(), "GET", request.url.path, PICTURE, response.status_code, kind
        )
        return response

    async def _drawn(self, rendering: Rendering, index: int) -> bytes:
        key = (rendering.prefix, index)
        png = self._kept.get(key)
        if png is None:
            png = await asyncio.to_thread(self._draw, rendering, index)
            self._kept[key] = png
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return png

    def _draw(self, rendering: Rendering, index: int) -> bytes:
        from airflow_provider_dreambooth.emulator.picture_card import black_png, card_png

        if rendering.nsfw:
            return black_png(rendering.width, rendering.height)
        pictures = []
        for link in rendering.images:
            name = own_picture_name(self._service, link)
            pictures.append(own_picture(self._service, name) if name else self._service.downloads.get(link))
        return card_png(rendering, index, pictures)
