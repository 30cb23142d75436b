# SPDX-License-Identifier: Apache-2.0
"""The trigger that waits for the images of a rendering in the triggerer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dreambooth.triggers.polling import PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.hooks.shared_client import SharedClient
    from airflow_provider_dreambooth.rendering.polling import RenderingPolling


class DreamboothTextToImageTrigger(PollingTrigger):
    """
    Wait for the images of one request and yield exactly one event.

    :param request_id: the service's id of the request.
    :param fetch_path: where to fetch, out of the service's answer; ``None`` for the documented place.
    :param dreambooth_conn_id: the connection.
    :param poll_interval: seconds between two fetches; ``None`` follows the service.
    :param end_time: epoch seconds after which the event is a ``timeout``.
    :param first_poll: epoch seconds before which not to fetch.
    :param first_look: ``first_poll`` of a trigger that an earlier version stored.
    """

    needed: ClassVar[tuple[str, ...]] = (
        *PollingTrigger.needed,
        "airflow_provider_dreambooth.api.text_to_image",
        "airflow_provider_dreambooth.rendering.polling",
    )

    def __init__(
        self,
        *,
        request_id: str,
        dreambooth_conn_id: str,
        fetch_path: str | None = None,
        poll_interval: float | None = None,
        end_time: float | None = None,
        first_poll: float | None = None,
        first_look: float | None = None,
    ) -> None:
        super().__init__(
            dreambooth_conn_id=dreambooth_conn_id,
            poll_interval=poll_interval,
            end_time=end_time,
            first_poll=first_look if first_poll is None else first_poll,
        )
        self.request_id = request_id
        self.fetch_path = fetch_path

    def arguments(self) -> dict[str, Any]:
        """Return the further arguments of the trigger."""
        return {"request_id": self.request_id, "fetch_path": self.fetch_path}

    async def begin(self) -> RenderingPolling:
        """Return the state of the wait."""
        from airflow_provider_dreambooth.rendering.polling import RenderingPolling

        return RenderingPolling(self.request_id, poll_interval=self.poll_interval, end_time=self.end_time)

    async def call(self, client: SharedClient) -> ApiCall[Any]:
        """Return the call that fetches the images."""
        from airflow_provider_dreambooth.api import text_to_image

        return text_to_image.fetch(self.request_id, self.fetch_path)
