# SPDX-License-Identifier: Apache-2.0
"""The hook: a ``dreambooth`` connection, and every call of the service as a method.

Methods return typed values and raise the errors of :mod:`airflow_provider_dreambooth.exceptions`. Transient errors
are retried inside a call; a call that costs money only when nothing was accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_dreambooth import connection_form
from airflow_provider_dreambooth.api import model_calls, text_to_image, training_routes, upload_call, wallet
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.inference_api import InferenceApi, order_of
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.api.training_routes import TrainingRequest
from airflow_provider_dreambooth.connection import CONNECTION_TYPE, DEFAULT_CONNECTION_ID, ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.hooks.shared_client import SharedClient
from airflow_provider_dreambooth.hooks.stored_connection import aread_connection, read_connection
from airflow_provider_dreambooth.transport.retry import ONCE, PATIENT

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.api.results import (
        Acknowledgement,
        FineTuneStarted,
        FineTuneStatus,
        Model,
        Rendering,
        UploadedImage,
    )
    from airflow_provider_dreambooth.transport.blocking import BlockingTransport

_Result = TypeVar("_Result")

#: Base URL -> the form of rendering and reload that the server answered to, in this process.
_answered_form: dict[str, InferenceApi] = {}


class DreamboothHook(BaseHook):
    """
    Talk to the Stable Diffusion API (stablediffusionapi.com, today ModelsLab) or to the local emulator.

    :param dreambooth_conn_id: the connection that holds the API key.
    :param training_api: which interface of the service has the trainings: ``v3``, or ``v6`` for its trainer. Status and
        cancel of a training ask there.
    """

    conn_name_attr = "dreambooth_conn_id"
    default_conn_name = DEFAULT_CONNECTION_ID
    conn_type = CONNECTION_TYPE
    hook_name = "Dreambooth"

    def __init__(self, dreambooth_conn_id: str = DEFAULT_CONNECTION_ID, training_api: str = "v3") -> None:
        super().__init__()
        self.dreambooth_conn_id = dreambooth_conn_id
        self.training_api = TrainingApi(training_api)
        self._settings: ConnectionSettings | None = None

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's further fields, for Airflow below 3.2."""
        return connection_form.form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the behaviour of the form's standard fields, for Airflow below 3.2."""
        return connection_form.ui_field_behaviour()

    @property
    def settings(self) -> ConnectionSettings:
        """
        The checked connection, read once.

        :raises DreamboothTransientError: it could not be read. Airflow does not tell a connection that is nowhere
            from a secrets backend that does not answer, so this may pass.
        """
        if self._settings is None:
            self._settings = read_connection(self.dreambooth_conn_id, self.get_connection)
        return self._settings

    async def asettings(self) -> ConnectionSettings:
        """
        Return the checked connection from inside an event loop; read again at each call.

        :raises DreamboothTransientError: as :attr:`settings`.
        """
        self._settings = await aread_connection(self.dreambooth_conn_id)
        return self._settings

    def reread(self) -> bool:
        """
        Read the connection again, after the service refused its key.

        :return: whether it holds something else by now, so that the refused call is worth one more try.
        :raises DreamboothTransientError: as :attr:`settings`.
        """
        before = self._settings
        self._settings = read_connection(self.dreambooth_conn_id, self.get_connection)
        return self._settings != before

    @property
    def environment(self) -> Environment:
        """The connection's environment."""
        return self.settings.environment

    def get_conn(self) -> BlockingTransport:
        """Return the transport that carries this connection's calls, shared in this process."""
        from airflow_provider_dreambooth.transport.blocking import blocking_transport

        return blocking_transport(self.settings)

    def _poll(self, build: Callable[[], ApiCall[_Result]]) -> _Result:
        """
        Send a call of a wait. A wait can outlast a key, so a refused one is tried once more if the connection holds
        another by now. Other calls are not: whoever decides about money must know whose account it asks.
        """
        try:
            return self.get_conn().send(build())
        except DreamboothAuthError:
            if not self.reread():
                raise
        return self.get_conn().send(build())

    def _cancel_call(self, training_id: str, environment: Environment) -> ApiCall[Acknowledgement]:
        if not environment.has_cancel:
            raise DreamboothValidationError(
                f"The sandbox environment has no cancel: training {training_id} is still running. Set environment to "
                f"production in connection {self.dreambooth_conn_id!r}. Nothing was sent."
            )
        return training_routes.cancel(self.training_api, training_id)

    def of_training_api(self, name: str | None) -> DreamboothHook:
        """
        Return the hook of the same connection for the trainings of one interface.

        :param name: as a record tells it; ``None`` for this one's.
        """
        if name is None or name == self.training_api:
            return self
        other = copy(self)
        other.training_api = TrainingApi(name)
        return other

    def fine_tune(self, request: TrainingRequest | None = None, **arguments: Any) -> FineTuneStarted:
        """
        Start a training. **Costs money**: from 3 USD a model (documented price). Sends at most one request that
        the service may have accepted.

        :param request: a checked request; or pass its fields as keyword arguments, as in
            :meth:`~airflow_provider_dreambooth.api.fine_tune_request.FineTuneRequest.checked`.
        :raises DreamboothValidationError: refused before anything was sent, or by the service; nothing was paid.
        :raises DreamboothTransientError: with ``acceptance`` ``unknown`` the answer was lost: the training may
            be running and paid.
        """
        if request is None:
            request = FineTuneRequest.checked(environment=self.settings.environment, **arguments)
        for warning in request.warnings:
            self.log.warning("%s", warning)
        return self.get_conn().send(training_routes.start(request, self.environment))

    def fine_tune_status(self, training_id: str) -> FineTuneStatus:
        """
        Ask for the state of a training. Free.

        :raises DreamboothNotFoundError: the service does not know it in this environment.
        """
        return self._poll(lambda: training_routes.status(self.training_api, training_id, self.environment))

    def cancel_training(self, training_id: str) -> Acknowledgement:
        """
        Cancel a running training. What was paid for it stays paid.

        :raises DreamboothValidationError: the sandbox has no such endpoint.
        """
        return self.get_conn().send(self._cancel_call(training_id, self.environment))

    def list_models(self) -> tuple[Model, ...]:
        """Return the account's own models (``finetune_list``; not those trained in the sandbox). Free."""
        return self.get_conn().send(model_calls.list_models())

    def delete_model(self, model_id: str) -> Acknowledgement:
        """
        Delete a model permanently. Free.

        :param model_id: the training's id.
        """
        return self.get_conn().send(model_calls.delete(model_id))

    def reload_model(self, model_id: str) -> Acknowledgement:
        """
        Load a model that the service dropped after 7 idle days. Free; takes about two minutes.

        :param model_id: the training's id.
        """
        form, answer = self.get_conn().send(model_calls.reload(model_id, self.inference_apis))
        _answered_form[self.settings.base_url] = form
        return answer

    def upload_image(self, content: bytes, *, crop: bool = True, name: str = "the image") -> UploadedImage:
        """
        Turn an image into a public link (``base64_crop``). Free.

        :param content: the bytes of a PNG or JPEG file, 5 MB at most.
        :param crop: let the service cut it to 512 x 512.
        :param name: what the image is called, for messages.
        """
        return self.get_conn().send(upload_call.upload(content, crop=crop, name=name))

    @property
    def inference_apis(self) -> tuple[InferenceApi, ...]:
        """The forms of rendering, fetch and reload to use, each one where the server has no route for those before it."""
        return _inference_apis(self.settings)

    def text_to_image(self, request: TextToImageRequest | None = None, **arguments: Any) -> Rendering:
        """
        Ask for images by a trained model. **Billed** by the account's plan.

        Sends at most one request that the service may have accepted: it is repeated only after a failure which proves
        that nothing was, such as a refused connection or a full queue.

        :param request: a checked request; or pass its fields as keyword arguments, as in
            :meth:`~airflow_provider_dreambooth.api.text_to_image_request.TextToImageRequest.checked`: a LoRA is
            ``lora_model`` with ``lora_strength``, on a base model as ``model_id``.
        :return: the images, or by when and where to fetch them.
        :raises DreamboothTransientError: with ``acceptance`` ``unknown`` the answer was lost: the rendering may be billed.
        """
        request = request or TextToImageRequest.checked(**arguments)
        apis = self.inference_apis
        warning = request.warning_for(apis[0])
        if warning is not None:
            self.log.warning("%s", warning)
        # As patient as a read: a rate limit proves that nothing was accepted.
        rendering = self.get_conn().send(text_to_image.text_to_image(request, apis), policy=PATIENT)
        _answered_form[self.settings.base_url] = rendering.inference_api
        return rendering

    def fetch_image(self, request_id: str, fetch_path: str | None = None) -> Rendering:
        """
        Ask for images that were not ready. Free.

        :param request_id: :attr:`Rendering.request_id`.
        :param fetch_path: :attr:`Rendering.fetch_path`; asked on the configured host only.
        """
        return self._poll(lambda: text_to_image.fetch(request_id, fetch_path, self.inference_apis))

    def download(self, url: str) -> bytes:
        """
        Fetch a result. The key is not sent. Links can answer 404 for a short while: that is retried.

        :param url: the image's link. It leads into a private network only where the service itself is in one.
        """
        from airflow_provider_dreambooth.transport.address import may_be_private
        from airflow_provider_dreambooth.transport.download import Download

        settings = self.settings
        return Download(settings, allow_private=may_be_private(settings.base_url)).fetch_result(url)

    def wallet_balance(self) -> wallet.WalletBalance | None:
        """Ask how much money the account holds. Free; ``None`` where the service does not tell."""
        try:
            return self.get_conn().send(wallet.balance(), policy=ONCE)
        except DreamboothError as error:
            self.log.debug("The wallet's balance is not available: %s", error)
            return None

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection by free calls, for the form's Test button."""
        try:
            models = self.list_models()
        except DreamboothError as error:
            return False, self._without_id(str(error))
        account = f"{len(models)} model{'' if len(models) == 1 else 's'}"
        balance = self.wallet_balance()
        if balance is not None:
            account += f" and {balance} in its wallet"
        said = f"{self.settings.base_url} accepts the key; the account has {account}. Nothing was charged."
        return True, " ".join((said, *self.settings.warnings))

    def _without_id(self, text: str) -> str:
        """Leave out the connection's id: Airflow's form tests under a random one, which tells nobody anything."""
        shown = repr(self.dreambooth_conn_id)
        return text.replace(f"Connection {shown}", "The connection").replace(
            f"connection {shown}", "the connection"
        )

    async def afine_tune_status(self, training_id: str) -> FineTuneStatus:
        """Ask for the state of a training, inside an event loop. See :meth:`fine_tune_status`."""
        async with SharedClient(self.dreambooth_conn_id) as client:
            call = training_routes.status(self.training_api, training_id, await client.environment())
            return await client.send(call, patient=True)

    async def acancel_training(self, training_id: str) -> Acknowledgement:
        """Cancel a training inside an event loop. See :meth:`cancel_training`."""
        async with SharedClient(self.dreambooth_conn_id) as client:
            call = self._cancel_call(training_id, await client.environment())
            return await client.send(call, patient=True)

    async def afetch_image(self, request_id: str, fetch_path: str | None = None) -> Rendering:
        """Ask for images inside an event loop. See :meth:`fetch_image`."""
        async with SharedClient(self.dreambooth_conn_id) as client:
            apis = _inference_apis(await client.settings())
            return await client.send(text_to_image.fetch(request_id, fetch_path, apis), patient=True)


def _inference_apis(settings: ConnectionSettings) -> tuple[InferenceApi, ...]:
    return order_of(settings.inference_api, _answered_form.get(settings.base_url))
