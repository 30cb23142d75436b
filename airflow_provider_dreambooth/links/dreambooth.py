# SPDX-License-Identifier: Apache-2.0
"""The buttons of a task instance: its training and its model at the service, and the images that it rendered.

A link is pushed as an XCom as soon as it is known, so that the button works while the task still waits. The hosted
service documents no page for a single training: there the button opens the dashboard (docs/decisions/0301-links.md).
What the service answered becomes a button only if it is a bounded http(s) link.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink

from airflow_provider_dreambooth.api.link_text import service_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator


class _StoredLink(BaseOperatorLink):
    """A link that was pushed under :attr:`xcom_key`."""

    name = ""
    xcom_key = ""

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the stored link; an empty string when there is none yet, or none that is safe to follow."""
        shown = getattr(operator, "dreambooth_links", None)
        if isinstance(shown, dict) and self.xcom_key in shown:
            return service_link(shown[self.xcom_key]) or ""
        from airflow.providers.common.compat.sdk import XCom

        return service_link(XCom.get_value(ti_key=ti_key, key=self.xcom_key)) or ""


class DreamboothTrainingLink(_StoredLink):
    """The training: its page on the emulator; the dashboard of the hosted service."""

    name = "Training"
    xcom_key = "dreambooth_training_link"


class DreamboothModelLink(_StoredLink):
    """The model's page."""

    name = "Model"
    xcom_key = "dreambooth_model_link"


class DreamboothPicture1Link(_StoredLink):
    """The first rendered image, at the service."""

    name = "Picture 1"
    xcom_key = "dreambooth_picture_1_link"


class DreamboothPicture2Link(_StoredLink):
    """The second rendered image."""

    name = "Picture 2"
    xcom_key = "dreambooth_picture_2_link"


class DreamboothPicture3Link(_StoredLink):
    """The third rendered image."""

    name = "Picture 3"
    xcom_key = "dreambooth_picture_3_link"


class DreamboothPicture4Link(_StoredLink):
    """The fourth rendered image."""

    name = "Picture 4"
    xcom_key = "dreambooth_picture_4_link"


PICTURE_LINKS = (
    DreamboothPicture1Link,
    DreamboothPicture2Link,
    DreamboothPicture3Link,
    DreamboothPicture4Link,
)
#: What the training operator and the sensor show.
TRAINING_LINKS = (DreamboothTrainingLink(), DreamboothModelLink())
#: What the rendering operator shows.
RENDERING_LINKS = (DreamboothModelLink(), *(link() for link in PICTURE_LINKS))


def _page(base_url: str, path: str) -> str:
    parts = urlsplit(base_url)
    # Of the connection's address only scheme and place: no name or password that somebody wrote into it.
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))


def training_page(base_url: str, training_id: str) -> str:
    """Return the page that shows a training."""
    from airflow_provider_dreambooth.api.fingerprint import is_hosted

    return _page(
        base_url, "/dashboard" if is_hosted(base_url) else f"/trainings/{quote(training_id, safe='')}"
    )


def model_page(base_url: str, model_id: str) -> str:
    """Return the page that shows a model."""
    return _page(base_url, f"/models/{quote(model_id, safe='')}")


def show_model(operator: Any, task_instance: Any, base_url: str, model_id: str) -> None:
    """Push the link to a model."""
    _push(operator, task_instance, {DreamboothModelLink.xcom_key: model_page(base_url, model_id)})


def show_training(operator: Any, task_instance: Any, base_url: str, training_id: str) -> None:
    """
    Push the links to a training and to its model.

    :param training_id: the training, also the model's id.
    """
    links = {
        DreamboothTrainingLink.xcom_key: training_page(base_url, training_id),
        DreamboothModelLink.xcom_key: model_page(base_url, training_id),
    }
    _push(operator, task_instance, links)


def show_pictures(operator: Any, task_instance: Any, urls: Sequence[str]) -> None:
    """
    Push the links of rendered images: the first four, which is as many as a request can ask for.

    :param urls: the service's links, in order.
    """
    _push(
        operator,
        task_instance,
        {link.xcom_key: url for link, url in zip(PICTURE_LINKS, urls, strict=False)},
    )


def _push(operator: Any, task_instance: Any, links: dict[str, str]) -> None:
    # Airflow reads every link again when the task ends: kept here, that costs no further request.
    operator.dreambooth_links = {**getattr(operator, "dreambooth_links", {}), **links}
    for key, link in links.items():
        if service_link(link):
            task_instance.xcom_push(key=key, value=link)
