# SPDX-License-Identifier: Apache-2.0
"""The emulator as one ASGI application: FastAPI for pages, images and control, bare ASGI for /api."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from airflow_provider_dreambooth.emulator.clock import Clock, SystemClock
from airflow_provider_dreambooth.emulator.control import control_router
from airflow_provider_dreambooth.emulator.hosted_api import HostedApi, base_url_of
from airflow_provider_dreambooth.emulator.image_downloads import ImageDownloads
from airflow_provider_dreambooth.emulator.image_endpoints import ImageEndpoints
from airflow_provider_dreambooth.emulator.neighbours import refusal
from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.own_images import sample_links
from airflow_provider_dreambooth.emulator.page import page
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.webhooks import Webhooks

# How often stages that nobody asks for are announced (webhooks, lines on the terminal).
_ANNOUNCE_SECONDS = 0.2


class EmulatorApplication(FastAPI):
    """The application with its state within reach.

    :param webhooks: what sends webhooks.
    """

    def __init__(self, service: Service, webhooks: Webhooks, **settings: Any) -> None:
        super().__init__(**settings)
        self.service = service
        self.webhook_sender = webhooks
        self.hosted_api = HostedApi(service)
        self.images = ImageEndpoints(service, self.hosted_api)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request; calls below /api pass FastAPI by."""
        why = None
        if scope["type"] == "http":
            why = refusal(self.service.options, scope["method"], scope["path"], scope["headers"])
        if why is not None:
            await JSONResponse({"error": why}, 403)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/api/"):
            await self.hosted_api(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/generations/"):
            await self.images(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(options: Options | None = None, clock: Clock | None = None) -> EmulatorApplication:
    """Make an emulator.

    :param clock: the time; the machine's own when left out.
    """
    service = Service(options or Options(), clock or SystemClock())
    webhooks = Webhooks(service.options, service.printer.line)
    downloads = ImageDownloads(service)
    service.listeners += [
        functools.partial(_print_stage, service),
        webhooks.stage_entered,
        downloads.stage_entered,
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        announcing = asyncio.create_task(_announce(service))
        try:
            yield
        finally:
            announcing.cancel()
            webhooks.close()
            downloads.close()
            service.printer.close()

    application = EmulatorApplication(
        service,
        webhooks,
        title="dreambooth-emulator",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    application.include_router(control_router(service))
    _add_pages(application)
    return application


async def _announce(service: Service) -> None:
    while True:
        service.announce_due()
        await asyncio.sleep(_ANNOUNCE_SECONDS)


def _print_stage(service: Service, training: Training, stage: str) -> None:
    text = f"{training.training_id} {stage}"
    if not training.announced or training.announced == training.plan.stages[0] == stage:
        text += f" ({training.endpoint}, {len(training.body['images'])} images, {training.plan.duration:g} s)"
    elif stage == "training_failed":
        text += f": {training.fail_reason}"
    service.printer.line(text)


def _add_pages(application: EmulatorApplication) -> None:
    service = application.service

    async def show() -> HTMLResponse:
        return HTMLResponse(page())

    async def samples(request: Request) -> JSONResponse:
        return JSONResponse(sample_links(base_url_of(request.scope, service.options.public_url)))

    for path in ("/", "/trainings/{training_id}", "/models/{model_id}"):
        application.add_api_route(path, show, methods=["GET"])
    application.add_api_route("/samples", samples, methods=["GET"])
    for path in ("/samples/{subject}/{number}.png", "/uploads/{name}.png"):
        application.add_api_route(path, application.images.own, methods=["GET"])
