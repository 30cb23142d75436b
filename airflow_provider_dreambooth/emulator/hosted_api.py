"""Everything below /api: a bare ASGI application, because status polls arrive by the thousand.

Order of a call: route, method, fault before, JSON and key, spam filter, queue, endpoint, fault after.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow_provider_dreambooth.emulator import (
    model_endpoints,
    rendering_endpoints,
    trainer_endpoints,
    training_endpoints,
    upload_endpoint,
)
from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.faults import BROKEN, FaultRule, FaultRuleError
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.vocabulary import (
    ENDPOINT_GROUPS,
    FIXED_PATHS,
    INFERENCE,
    INFERENCE_V6,
    PATHS_WITH_ID,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Endpoint = Callable[[Service, Call], Answer]

_ENDPOINTS: dict[str, _Endpoint] = {
    "sandbox_fine_tune": training_endpoints.start_training,
    "fine_tune": training_endpoints.start_training,
    "fine_tune_v2": training_endpoints.start_training,
    "lora_fine_tune": training_endpoints.start_training,
    "sandbox_fine_tune_status": training_endpoints.training_status,
    "fine_tune_status": training_endpoints.training_status,
    "cancle_training": training_endpoints.cancel_training,
    "cancel_training": training_endpoints.cancel_training,
    "finetune_list": training_endpoints.list_models,
    "finetune_delete": training_endpoints.delete_model,
    "trainer_train": trainer_endpoints.start,
    "trainer_status": trainer_endpoints.status,
    "trainer_stop": trainer_endpoints.stop,
    "wallet_balance": training_endpoints.wallet_balance,
    "buy_model": training_endpoints.buy_model,
    "base64_crop": upload_endpoint.base64_crop,
    "text_to_image_v3": rendering_endpoints.text_to_image,
    "text_to_image_v4": rendering_endpoints.text_to_image,
    "fetch_image_v3": rendering_endpoints.fetch_image,
    "fetch_image_v4": rendering_endpoints.fetch_image,
    "text_to_image_v6": rendering_endpoints.text_to_image,
    "fetch_image_v6": rendering_endpoints.fetch_image,
    "model_reload_v4": model_endpoints.model_reload,
    "model_reload_v6": model_endpoints.model_reload,
    "model_list": model_endpoints.model_list,
}
_QUEUED = ENDPOINT_GROUPS["create"] | ENDPOINT_GROUPS["text_to_image"]
# No more than a 5 MB picture in base64 with its wrapping.
_LARGEST_BODY = 16 * 1024 * 1024
# Where the server leaves the function that closes a connection; absent under a test client.
CLOSE_CONNECTION = "dreambooth_emulator.close_connection"


class ConnectionCutError(ConnectionError):
    """Raised for a cut where there is no real connection that could be closed."""


def base_url_of(scope: Scope, public_url: str) -> str:
    """Return scheme and host for links in answers.

    :param scope: the ASGI scope.
    :param public_url: the option that overrides it.
    """
    if public_url:
        return public_url.rstrip("/")
    host = next((value for name, value in scope["headers"] if name == b"host"), b"127.0.0.1")
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}"


class HostedApi:
    """The ASGI application.

    :param service: the emulator's state.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def route(self, path: str) -> tuple[str, str]:
        """Return endpoint and id for a path below /api; the endpoint is empty when nothing is served there.

        :param path: without the leading ``/api/``.
        """
        path = path.rstrip("/")
        endpoint, ident = FIXED_PATHS.get(path, ""), ""
        if not endpoint:
            front, _, ident = path.rpartition("/")
            endpoint = PATHS_WITH_ID.get(front, "")
        return (endpoint, ident) if self._is_served(endpoint) else ("", "")

    def _is_served(self, endpoint: str) -> bool:
        options = self._service.options
        if endpoint in ("cancle_training", "cancel_training"):
            return options.cancel_spelling in ("both", endpoint.partition("_")[0])
        if endpoint in INFERENCE:
            return options.inference in ("both", "v6" if endpoint in INFERENCE_V6 else "v4")
        return bool(endpoint) and not (endpoint == "wallet_balance" and options.no_wallet_balance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        :param scope: ASGI scope.
        :param receive: ASGI receive.
        :param send: ASGI send.
        """
        service = self._service
        journal = service.journal
        path: str = scope["path"]
        endpoint, ident = self.route(path[5:])
        if not endpoint:
            await self._send(scope, send, service.answers.no_route(path), "unknown", "")
            return
        if scope["method"] != "POST":
            await self._send(scope, send, service.answers.wrong_method(scope["method"]), endpoint, "")
            return
        raw = await _body(receive)
        journal.open_requests += 1
        journal.most_open_requests = max(journal.most_open_requests, journal.open_requests)
        try:
            if service.options.latency > 0:
                await asyncio.sleep(service.options.latency)
            rule = service.faults.take(endpoint, ident) if service.faults.rules else None
            account, spoiled = "", None
            if rule is not None and rule.when == "before":
                if not await _hold(rule, receive):
                    journal.note(service.clock.now(), "POST", path, endpoint, 0, rule.kind)
                    return
                spoiled = rule.spoiled(service.answers)
            if spoiled is not None:
                answer = spoiled
            else:
                answer, own_rule, account = self._answer(scope, endpoint, ident, raw, spoilable=rule is None)
                rule = rule or own_rule
            if rule is not None and spoiled is None:
                if rule.when == "after":
                    if not await _hold(rule, receive):
                        journal.note(service.clock.now(), "POST", path, endpoint, 0, rule.kind, account)
                        return
                    answer = rule.spoiled(service.answers) or answer
                answer = rule.over(answer)
            if rule is not None and rule.kind in BROKEN:
                journal.note(service.clock.now(), "POST", path, endpoint, 0, rule.kind, account)
                await _break(rule, scope, receive, send, answer)
                return
            fault = rule.kind if rule is not None else ""
            await self._send(scope, send, answer, endpoint, fault, account)
        finally:
            journal.open_requests -= 1

    def _answer(
        self, scope: Scope, endpoint: str, ident: str, raw: bytes, spoilable: bool
    ) -> tuple[Answer, FaultRule | None, str]:
        service = self._service
        answers = service.answers
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        try:
            body = json.loads(raw) if b"json" in content_type.lower() else None
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return answers.invalid_key(), None, ""
        account = service.account(body.get("key"))
        if account is None:
            return answers.invalid_key(), None, ""
        if (
            service.options.spam_filter > 0
            and self._is_filtered(endpoint)
            and service.is_repeated(scope["path"], raw)
        ):
            return answers.spam_filter(service.options.spam_filter), None, account
        limit = service.options.queue_limit
        if limit and endpoint in _QUEUED and service.queued(account) > limit:
            return answers.queue_full(limit), None, account
        call = Call(endpoint, ident, body, account, base_url_of(scope, service.options.public_url))
        rule = None
        wish = call.wishes().get("fault") if spoilable else None
        if wish is not None:
            try:
                rule = FaultRule.from_json({"kind": wish} if isinstance(wish, str) else wish)
            except FaultRuleError as error:
                return answers.invalid({"emulator": [(str(error), f"emulator: {error}")]}), None, account
            spoiled = rule.spoiled(answers)
            if rule.when == "before" and spoiled is not None:
                return spoiled, rule, account
            rule.when = "after"
        return _ENDPOINTS[endpoint](service, call), rule, account

    def _is_filtered(self, endpoint: str) -> bool:
        return self._service.options.spam_filter_scope == "all" or endpoint in ENDPOINT_GROUPS["create"]

    async def _send(
        self, scope: Scope, send: Send, answer: Answer, endpoint: str, fault: str, account: str = ""
    ) -> None:
        service = self._service
        status = answer.http_status
        service.journal.note(
            service.clock.now(), scope["method"], scope["path"], endpoint, status, fault, account
        )
        if service.options.verbose:
            service.printer.line(f"{scope['method']} {scope['path']} {answer.http_status} {fault}".rstrip())
        length = str(len(answer.body)).encode()
        headers = [*answer.headers, (b"content-length", length)]
        await send({"type": "http.response.start", "status": answer.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive) -> bytes:
    message = await receive()
    raw: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        raw += message.get("body", b"")
        if len(raw) > _LARGEST_BODY:
            return b""
    return raw


async def _hold(rule: FaultRule, receive: Receive) -> bool:
    """Hold an answer back; tell whether the caller is still there afterwards."""
    seconds = rule.hold_seconds()
    if seconds <= 0:
        return True
    try:
        message = await asyncio.wait_for(receive(), seconds)
    except TimeoutError:
        return True
    return bool(message["type"] != "http.disconnect")


async def _break(rule: FaultRule, scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    close = scope.get(CLOSE_CONNECTION)
    if rule.kind == "truncated":
        # The length of the whole, half of the bytes, and the end: the server closes an unfinished answer.
        body = answer.body or b'{"status":"success"}'
        headers = [*answer.headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": answer.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    if close is None:
        raise ConnectionCutError(rule.kind)
    close()
    while (await receive())["type"] != "http.disconnect":
        pass
