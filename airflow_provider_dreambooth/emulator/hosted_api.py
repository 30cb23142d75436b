# SPDX-License-Identifier: Apache-2.0
"""Everything below /api: a bare ASGI application, because status polls arrive by the thousand.

Order of a call: route, method, fault before, JSON and key, spam filter, queue, endpoint, fault after.
"""

from __future__ import annotations

import asyncio
import dataclasses
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
# No more than a 5 MB image in base64 with its wrapping.
_LARGEST_BODY = 16 * 1024 * 1024
# Where the server leaves the function that closes a connection; absent under a test client.
CLOSE_CONNECTION = "dreambooth_emulator.close_connection"


class ConnectionCutError(ConnectionError):
    """Raised for a cut where there is no real connection that could be closed."""


@dataclasses.dataclass(slots=True)
class Outcome:
    """What a call that was carried out led to.

    :param answer: its answer.
    :param rule: the fault rule that applies to it, also one that the request itself asked for.
    :param account: fingerprint of an accepted key, or an empty string.
    """

    answer: Answer
    rule: FaultRule | None = None
    account: str = ""


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
    """The ASGI application."""

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
        """Serve one request below /api."""
        answers, method = self._service.answers, scope["method"]
        endpoint, ident = self.route(scope["path"][5:])
        if not endpoint:
            await self._send(scope, send, answers.no_route(scope["path"]), "unknown")
        elif method != "POST":
            await self._send(scope, send, answers.wrong_method(method), endpoint)
        else:
            raw = await _body(receive)

            async def carry_out(rule: FaultRule | None) -> Outcome:
                return self._carry_out(scope, endpoint, ident, raw, rule)

            journal = self._service.journal
            journal.open_requests += 1
            journal.most_open_requests = max(journal.most_open_requests, journal.open_requests)
            try:
                await asyncio.sleep(self._service.options.latency)
                await self.respond(scope, receive, send, endpoint, ident, carry_out)
            finally:
                journal.open_requests -= 1

    async def respond(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        endpoint: str,
        ident: str,
        carry_out: Callable[[FaultRule | None], Awaitable[Outcome]],
    ) -> None:
        """Carry out a call and send its answer, or what a fault rule makes of the two.

        :param ident: the id at the end of the path, or an empty string.
        :param carry_out: gives the answer of a call that is carried out; its argument is the rule in force.
        """
        service = self._service
        rule = service.faults.take(endpoint, ident) if service.faults.rules else None
        outcome = Outcome(Answer(0, b""), rule)
        there, spoiled = True, None
        if rule is not None and rule.when == "before":
            there, spoiled = await _hold(rule, receive), rule.spoiled(service.answers)
        if there and spoiled is None:
            outcome = await carry_out(rule)
            rule = outcome.rule
            if rule is not None and rule.when == "after":
                there, spoiled = await _hold(rule, receive), rule.spoiled(service.answers)
        answer = spoiled or (rule.over(outcome.answer) if rule is not None else outcome.answer)
        if there and (rule is None or rule.kind not in BROKEN):
            await self._send(scope, send, answer, endpoint, outcome)
        elif rule is not None:
            self._note(scope, endpoint, 0, outcome)
            if there:
                await _break(rule, scope, receive, send, answer)

    def _carry_out(
        self, scope: Scope, endpoint: str, ident: str, raw: bytes, rule: FaultRule | None
    ) -> Outcome:
        service, answers = self._service, self._service.answers
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        try:
            body = json.loads(raw) if b"json" in content_type.lower() else None
        except (ValueError, RecursionError):
            body = None
        account = service.account(body.get("key")) if isinstance(body, dict) else None
        if not isinstance(body, dict) or account is None:
            return Outcome(answers.invalid_key(), rule)
        if self._is_filtered(endpoint) and service.is_repeated(scope["path"], raw):
            return Outcome(answers.spam_filter(service.options.spam_filter), rule, account)
        limit = service.options.queue_limit
        if limit and endpoint in _QUEUED and service.queued(account) > limit:
            return Outcome(answers.queue_full(limit), rule, account)
        call = Call(endpoint, ident, body, account, base_url_of(scope, service.options.public_url))
        wish = call.wishes().get("fault") if rule is None else None
        if wish is not None:
            try:
                rule = FaultRule.from_json({"kind": wish} if isinstance(wish, str) else wish)
            except FaultRuleError as error:
                return Outcome(
                    answers.invalid({"emulator": [(str(error), f"emulator: {error}")]}), None, account
                )
            spoiled = rule.spoiled(answers)
            if rule.when == "before" and spoiled is not None:
                return Outcome(spoiled, rule, account)
            rule.when = "after"
        return Outcome(_ENDPOINTS[endpoint](service, call), rule, account)

    def _is_filtered(self, endpoint: str) -> bool:
        options = self._service.options
        watched = options.spam_filter_scope == "all" or endpoint in ENDPOINT_GROUPS["create"]
        return options.spam_filter > 0 and watched

    async def _send(
        self, scope: Scope, send: Send, answer: Answer, endpoint: str, outcome: Outcome | None = None
    ) -> None:
        self._note(scope, endpoint, answer.http_status, outcome or Outcome(answer))
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _note(self, scope: Scope, endpoint: str, http_status: int, outcome: Outcome) -> None:
        service, method, path = self._service, scope["method"], scope["path"]
        fault = outcome.rule.kind if outcome.rule is not None else ""
        service.journal.note(service.clock.now(), method, path, endpoint, http_status, fault, outcome.account)
        if service.options.verbose:
            service.printer.line(f"{method} {path} {http_status} {fault}".rstrip())


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
