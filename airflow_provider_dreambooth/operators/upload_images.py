"""The operator that turns pictures into public links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothValidationError
from airflow_provider_dreambooth.operators.failure import for_airflow

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class DreamboothUploadImagesOperator(BaseOperator):
    """
    Upload pictures to the service (``base64_crop``) and return their public links, in the same order. Free.

    :param paths: local files or object storage URIs of PNG or JPEG pictures, 5 MB at most each. Templated.
    :param crop: let the service cut each to 512 x 512.
    :param dreambooth_conn_id: the connection.
    """

    template_fields: Sequence[str] = ("paths", "dreambooth_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"paths": "json"}
    ui_color = "#e6f5ea"

    def __init__(
        self, *, paths: Any, crop: bool = True, dreambooth_conn_id: str = DEFAULT_CONNECTION_ID, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.paths = paths
        self.crop = crop
        self.dreambooth_conn_id = dreambooth_conn_id

    def execute(self, context: Context) -> list[str]:
        """Upload each picture."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

        try:
            if isinstance(self.paths, (str, bytes)) or not self.paths:
                raise DreamboothValidationError(
                    "paths must be a list with at least one file or object storage URI. Nothing was uploaded."
                )
            hook = DreamboothHook(self.dreambooth_conn_id)
            links: list[str] = []
            for path in self.paths:
                content = ObjectStoragePath(str(path)).read_bytes()
                links.append(hook.upload_image(content, crop=self.crop, name=str(path)).url)
                self.log.info("Uploaded %s: %s", path, links[-1])
            return links
        except DreamboothError as error:
            raise for_airflow(error) from error.__cause__
