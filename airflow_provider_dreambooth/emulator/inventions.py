# SPDX-License-Identifier: Apache-2.0
"""What no source documents and the emulator therefore made up, with the option that changes it."""

from __future__ import annotations

from typing import NamedTuple


class Invention(NamedTuple):
    """One made-up behaviour.

    :param what: the gap.
    :param here: what the emulator does by default.
    :param option: the option that changes it, or an empty string.
    """

    what: str
    here: str
    option: str


INVENTED: tuple[Invention, ...] = (
    Invention("HTTP code of errors", "today's 400/401/402/404/429; 2023 answered 200", "--http-codes"),
    Invention("wording of the hints (`tip`) beside Invalid Api Key", "four short hints", ""),
    Invention("paths that do not exist and methods other than POST", "the framework's usual 404 and 405", ""),
    Invention(
        "status of an unknown, foreign or deleted training",
        "404, `Training not found`, `code`",
        "--http-codes",
    ),
    Invention(
        "answer to cancel and delete", "today's basic shape; `Training cancelled`, `Model deleted`", ""
    ),
    Invention("cancelling a finished training", "400 `Training has already finished.`", ""),
    Invention("deleting a running training", "it is cancelled, then deleted", ""),
    Invention("status of a cancelled training", "stage `training_cancelled`", "--cancelled-style"),
    Invention(
        "status of a failed training", "stage `training_failed`, the reason in `data`", "--failed-style"
    ),
    Invention("which trainings finetune_list shows, and when", "every accepted one, at once", "--list-shows"),
    Invention("delay before a training appears in the list", "none", "--list-delay"),
    Invention("items of finetune_list", "strings, the training ids", "--list-items"),
    Invention("whether finetune_list shows running trainings", "yes", "--list-running"),
    Invention(
        "keys of an item that is an object",
        "the fourteen of the public list; `model_id` is never null",
        "--list-null-ids",
    ),
    Invention("name of the id in the answer to a new v6 training", "`id`", "--trainer-id-key"),
    Invention("v6 status of a training that was stopped", "`training_completed`, `inference` is null", ""),
    Invention(
        "`data.inference` of a v6 training",
        "`status` pending, then ready with `method`, `url` and `request`",
        "",
    ),
    Invention("webhook of a v6 training", "none is sent", ""),
    Invention("a `training_id` or `track_id` that the caller of the v6 trainer chose", "ignored", ""),
    Invention("/api/wallet_balance", "a balance that never falls", "--no-wallet-balance"),
    Invention("v3 training without credits", "402 with the general text for credits", "--no-credits-text"),
    Invention(
        "what fills the queue of an account", "open requests and processing renderings", "--queue-counts"
    ),
    Invention("headers of a 429", "Retry-After beside `retry_after`", ""),
    Invention("which requests the spam filter watches", "all; off unless asked for", "--spam-filter-scope"),
    Invention(
        "share of the time each stage takes",
        "8% waiting for a GPU, 52% training, the rest in small parts",
        "",
    ),
    Invention("unit `seconds` in ETA texts", "for trainings under ten minutes", "--eta-unit"),
    Invention("base_model_id, documented as required", "not insisted on", "--require-base-model"),
    Invention("rendering with a model trained in the sandbox", "works", ""),
    Invention(
        "rendering with an unloaded or unfinished model", "the answer for an unknown model", "--idle-unload"
    ),
    Invention("answer to a reload", "`processing` until loaded, then `success`", "--reload"),
    Invention(
        "webhook of a failed training",
        "status `failed`, training_status `training_failed`, text in `logs`",
        "",
    ),
    Invention("fetching an unknown rendering", "404 `Request not found`", ""),
    Invention("which inference paths still answer", "those of v3, v4 and v6", "--inference"),
    Invention("v6 fetch of a rendering that is processing", "`Request processing` with `id` and `eta`", ""),
    Invention(
        "rendering a v3 LoRA on a base model of another family",
        "400 `lora_model … does not fit …`; the families are documented, the refusal is not",
        "--any-lora",
    ),
    Invention("refused uploads", "400 with the field `image`", ""),
    Invention("public models", "eight, without screenshots", ""),
    Invention("the images", "drawings that show prompt, model and training images", ""),
)


def as_text() -> str:
    """Return the table for a terminal."""
    lines = ["The hosted service does not document these; the emulator invents them:"]
    for invention in INVENTED:
        option = f"  [{invention.option}]" if invention.option else ""
        lines.append(f"  * {invention.what}: {invention.here}{option}")
    return "\n".join(lines)
