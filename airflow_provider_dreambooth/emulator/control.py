# SPDX-License-Identifier: Apache-2.0
"""The endpoints below /emulator: what happened, and what shall go wrong. No key is needed."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from airflow_provider_dreambooth.emulator.faults import KINDS, FaultRuleError
from airflow_provider_dreambooth.emulator.inventions import INVENTED
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.training_endpoints import force


def _refused(text: str, code: int = 400) -> JSONResponse:
    return JSONResponse({"error": text}, code)


async def _json(request: Request) -> Any:
    raw = await request.body()
    try:
        return json.loads(raw) if raw else {}
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error


def control_router(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/emulator")

    @router.get("/health")
    async def health() -> JSONResponse:
        return JSONResponse(
            {"status": "ok", "now": service.clock.now(), "duration": service.options.duration}
        )

    @router.get("/trainings")
    async def trainings() -> JSONResponse:
        now = service.clock.now()
        return JSONResponse([training.description(now) for training in service.trainings.values()])

    @router.get("/trainings/{training_id}")
    async def training(training_id: str) -> JSONResponse:
        found = service.trainings.get(training_id)
        return (
            _refused("no such training", 404)
            if found is None
            else JSONResponse(found.description(service.clock.now()))
        )

    @router.post("/trainings/{training_id}")
    async def change(training_id: str, request: Request) -> JSONResponse:
        found = service.trainings.get(training_id)
        if found is None:
            return _refused("no such training", 404)
        try:
            wish = await _json(request)
            if not isinstance(wish, dict):
                raise ValueError("the body is a JSON object")
            force(service, found, wish)
        except ValueError as error:
            return _refused(str(error))
        return JSONResponse(found.description(service.clock.now()))

    @router.get("/renders")
    async def renders() -> JSONResponse:
        now = service.clock.now()
        return JSONResponse([rendering.description(now) for rendering in service.renderings.values()])

    @router.get("/requests")
    async def requests(last: int = 100) -> JSONResponse:
        return JSONResponse(service.journal.description(last))

    @router.get("/faults")
    async def faults() -> JSONResponse:
        return JSONResponse({"rules": service.faults.description(), "kinds": list(KINDS)})

    @router.post("/faults")
    async def add_fault(request: Request) -> JSONResponse:
        try:
            rule = service.faults.add(await _json(request))
        except FaultRuleError as error:
            return _refused(str(error))
        except ValueError:
            return _refused("the body is not JSON")
        return JSONResponse({"rule_id": rule.rule_id, "kind": rule.kind, "endpoint": rule.endpoint}, 201)

    @router.delete("/faults")
    async def clear_faults() -> JSONResponse:
        service.faults.clear()
        return JSONResponse({"rules": []})

    @router.get("/inventions")
    async def inventions() -> JSONResponse:
        return JSONResponse([invention._asdict() for invention in INVENTED])

    @router.post("/reset")
    async def reset() -> JSONResponse:
        service.reset()
        return JSONResponse({"status": "ok"})

    return router
