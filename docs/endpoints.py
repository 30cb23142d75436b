# SPDX-License-Identifier: Apache-2.0
"""
The table of the service's endpoints, ``docs/endpoints.md``: ``python docs/endpoints.py`` writes it again.

What is emulated is read from the emulator; the rest of the data is below. ``tests/docs/test_endpoints.py`` holds the page
against it, and the column *sent* against the calls that the provider makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from airflow_provider_dreambooth.emulator.vocabulary import FIXED_PATHS, PATHS_WITH_ID

PAGE = Path(__file__).parent / "endpoints.md"
_HEAD = """# Endpoints

Every endpoint of the service that this provider or its emulator knows, below `/api/`. The table is generated from
`docs/endpoints.py`.

* *documented*: in the documentation of 2023 (stablediffusionapi.com), of today (modelslab.com, 2026), or until when.
* *sent*: whether this provider calls it; *fallback* is called where the service has no route for the other.
* *emulated*: whether `dreambooth-emulator` serves it.
* *observed*: where published programs, logs or data of others show it in use. Nothing here was tried on the hosted service.

"""


class Endpoint(NamedTuple):
    """
    One endpoint.

    :param path: below ``/api/``.
    :param what: what it is for.
    :param documented: since or until when.
    :param sent: ``yes``, ``fallback`` or ``no``.
    :param observed: where it was seen in use; empty for nowhere.
    """

    path: str
    what: str
    documented: str
    sent: str
    observed: str = ""

    def is_emulated(self) -> bool:
        """Tell whether the emulator serves it."""
        front, _, last = self.path.rpartition("/")
        return self.path in FIXED_PATHS or (last == "{id}" and front in PATHS_WITH_ID)


ENDPOINTS = (
    Endpoint("sandbox/v3/fine_tune", "start a Dreambooth training in the sandbox", "2023", "yes"),
    Endpoint("sandbox/v3/fine_tune_status/{id}", "its status", "2023", "yes"),
    Endpoint(
        "v3/fine_tune",
        "start a Dreambooth training",
        "2023; today named among webhooks only",
        "yes",
        "answers in programs",
    ),
    Endpoint("v3/fine_tune_v2", "start one with two learning rates", "2023", "yes"),
    Endpoint("v3/lora_fine_tune", "start a LoRA training", "2023, today", "yes", "a program of 2026"),
    Endpoint("v3/fine_tune_status/{id}", "status of a training", "2023, today", "yes", "several programs"),
    Endpoint("v3/cancle_training/{id}", "cancel, misspelt", "2023, today's page", "yes", "an SDK of 2024"),
    Endpoint("v3/cancel_training/{id}", "cancel", "today's OpenAPI", "fallback"),
    Endpoint(
        "v3/finetune_list", "the account's models", "2023, today", "yes", "programs, never a full answer"
    ),
    Endpoint("v3/finetune/delete/{id}", "delete a model", "2023, today's page", "yes", "a program"),
    Endpoint("v3/delete/{id}", "delete a model", "today's OpenAPI", "fallback"),
    Endpoint("v3/base64_crop", "upload an image", "2023, today", "yes", "an SDK of 2024"),
    Endpoint("v3/dreambooth/buy_model", "buy trainings", "2023", "no"),
    Endpoint("v3/dreambooth", "render", "2023", "no"),
    Endpoint(
        "v3/dreambooth/fetch/{id}",
        "fetch a rendering",
        "2023",
        "yes",
        "where an answer of v4 names it; a chat bot",
    ),
    Endpoint("v4/dreambooth", "render", "2023 to June 2025", "fallback", "logs of 2023, a chat bot"),
    Endpoint("v4/dreambooth/fetch", "fetch a rendering", "2023 to June 2025", "fallback"),
    Endpoint("v4/dreambooth/model_reload", "load an idle model", "2023 to June 2025", "fallback"),
    Endpoint("v4/dreambooth/model_list", "public models", "2023, today", "no", "an answer of July 2025"),
    Endpoint("v6/images/text2img", "render", "today", "yes", "answers of 2026"),
    Endpoint("v6/images/fetch", "fetch a rendering", "today", "yes", "answers of 2026"),
    Endpoint(
        "v6/images/fetch/{id}",
        "fetch a rendering",
        "no",
        "yes",
        "where an answer of v6 names it; the official SDK",
    ),
    Endpoint("v6/images/model_reload", "load an idle model", "today", "yes"),
    Endpoint(
        "v6/trainer/train",
        "start a training of any trainer",
        "today, without its answer",
        "yes",
        "one program",
    ),
    Endpoint("v6/trainer/status/{id}", "its status", "today", "yes", "one program"),
    Endpoint("v6/trainer/stop", "stop it", "today", "yes"),
    Endpoint("wallet_balance", "the balance", "today", "yes"),
)


def page() -> str:
    """Return the page."""
    rows = [
        f"| `{endpoint.path}` | {endpoint.what} | {endpoint.documented} | {endpoint.sent} "
        f"| {'yes' if endpoint.is_emulated() else 'no'} | {endpoint.observed} |"
        for endpoint in ENDPOINTS
    ]
    head = "| endpoint | for | documented | sent | emulated | observed |\n|---|---|---|---|---|---|\n"
    return _HEAD + head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
