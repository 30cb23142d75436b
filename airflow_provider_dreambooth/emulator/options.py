# SPDX-License-Identifier: Apache-2.0
"""Every switch of the emulator, once: command line, application and documentation read this table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import ssl
from collections.abc import Callable, Sequence
from typing import Any


def _switch(
    default: Any,
    text: str,
    *choices: str,
    metavar: str | None = None,
    least: float = 0,
    most: float = math.inf,
) -> Any:
    metadata = {"help": text, "choices": choices, "metavar": metavar, "least": least, "most": most}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(slots=True)
class Options:
    """How the emulator behaves. Each field is a command-line option of the same name with dashes."""

    host: str = _switch("127.0.0.1", "address to listen on", metavar="ADDRESS")
    port: int = _switch(8765, "port to listen on; 0 picks a free one", metavar="PORT", most=65_535)
    duration: float = _switch(60.0, "length of a whole training", metavar="SECONDS", least=0.001)
    duration_spread: float = _switch(
        0.0, "log-normal spread of the length from training to training (sigma)", metavar="SIGMA"
    )
    render: float = _switch(
        3.0, "how long a rendering stays in `processing`; 0 answers at once", metavar="SECONDS"
    )
    reload: float | None = _switch(
        None,
        "how long reloading an idle model takes; default is a fifteenth of --duration",
        metavar="SECONDS",
    )
    idle_unload: float = _switch(604800.0, "idle time after which a model is unloaded", metavar="SECONDS")
    key: list[str] = _switch(  # noqa: RUF009
        [], "an API key to accept, one account each; repeatable; default is any non-empty key", metavar="KEY"
    )
    print_key: bool = _switch(False, "print a --key in full in the connection; otherwise it is masked")
    environment: str = _switch("production", "environment in the printed connection", "production", "sandbox")
    public_url: str = _switch(
        "", "base of the links in answers; default is the request's host", metavar="URL"
    )
    allow_host: list[str] = _switch(  # noqa: RUF009
        [],
        "a further name in the Host header to serve, beside localhost, the machine's addresses, --host and the host of "
        "--public-url; repeatable",
        metavar="NAME",
    )
    keep: int = _switch(
        20_000, "trainings and renderings that are remembered; the oldest leave", metavar="N", least=1
    )
    tls_cert: str = _switch("", "certificate file; turns TLS on", metavar="FILE")
    tls_key: str = _switch("", "private key file of the certificate", metavar="FILE")
    http_codes: str = _switch(
        "today", "`today`: real HTTP codes for errors; `2023`: errors come with HTTP 200", "today", "2023"
    )
    message_key: str = _switch(
        "documented",
        "key of the message: as each page documents it, or one for all",
        "documented",
        "messege",
        "message",
    )
    validation_style: str = _switch(
        "auto",
        "validation message: object of lists (2023), text (today), or as --http-codes has it",
        "auto",
        "object",
        "text",
    )
    stage_key: str = _switch(
        "messege",
        "key of the stage in a status answer; `messege` follows --message-key",
        "messege",
        "model_training_status",
    )
    separator: str = _switch(
        "slash-n", "what joins the status log: ` /n ` as in 2023 or a newline as today", "slash-n", "newline"
    )
    log_text: str = _switch(
        "documented",
        "wording and ETAs of the status log: the documentation's, or the worker's (not monotone)",
        "documented",
        "worker",
    )
    eta_unit: str = _switch(
        "auto",
        "unit of announced times: minutes for long trainings and seconds for short ones, or one of them",
        "auto",
        "seconds",
        "minutes",
    )
    eta_factor: float = _switch(1.0, "announce this multiple of the documented ETAs", metavar="FACTOR")
    create_ids: str = _switch(
        "both", "ids in the answer to a new training", "both", "training_id", "model_id"
    )
    id_length: int = _switch(
        10, "length of a training id: 10 in the documentation, 25 in the wild", metavar="N", least=6, most=64
    )
    trainer_id_key: str = _switch(
        "id", "name of the id in the answer to a new v6 training", "id", "training_id", "request_id"
    )
    list_items: str = _switch("string", "items of finetune_list", "string", "object")
    list_shows: str = _switch(
        "accepted",
        "finetune_list shows every accepted training or only models that are ready",
        "accepted",
        "ready",
    )
    list_running: str = _switch("yes", "whether finetune_list shows running trainings", "yes", "no")
    list_null_ids: str = _switch(
        "never",
        "whose rows of finetune_list have a null `model_id` and the row's number as `id`; needs --list-items object",
        "never",
        "failed",
        "running",
    )
    list_delay: float = _switch(0.0, "age at which a training first appears in the list", metavar="SECONDS")
    cancel_spelling: str = _switch(
        "both", "which spelling of the cancel endpoint is served", "both", "cancle", "cancel"
    )
    cancelled_style: str = _switch(
        "training_cancelled",
        "what the status of a cancelled training looks like",
        "training_cancelled",
        "cancelled",
        "training_failed",
        "error",
        "not_found",
    )
    failed_style: str = _switch(
        "stage",
        "a failed training: stage training_failed, status `failed`, or status `error`",
        "stage",
        "failed",
        "error",
    )
    require_base_model: bool = _switch(False, "refuse v3 Dreambooth trainings without base_model_id")
    lora_steps: str = _switch(
        "today", "max_train_steps of a LoRA: 10 to 50 (today) or up to 2000 (2023)", "today", "2023"
    )
    credits: int | None = _switch(
        None, "trainings an account may start before it is out of credits; default unlimited", metavar="N"
    )
    no_credits_text: str = _switch(
        "Insufficient credits. Please add more credits to continue.",
        "the answer without credits",
        metavar="TEXT",
    )
    wallet_balance: float = _switch(100.0, "the balance of every account in US dollars", metavar="AMOUNT")
    no_wallet_balance: bool = _switch(False, "do not serve /api/wallet_balance")
    queue_limit: int = _switch(
        0, "queued requests an account may have (5 on the small plan); 0 is off", metavar="N"
    )
    queue_counts: str = _switch(
        "requests",
        "the queue holds open requests and processing renderings, or also trainings without a GPU",
        "requests",
        "trainings",
    )
    spam_filter: float = _switch(
        0.0,
        "refuse a repeated identical request for this long (30 at the hosted service); 0 is off",
        metavar="SECONDS",
    )
    spam_filter_scope: str = _switch("all", "which requests the spam filter watches", "all", "create")
    latency: float = _switch(0.0, "time every API answer takes", metavar="SECONDS")
    late_links: int = _switch(0, "an image answers 404 to its first N downloads", metavar="N")
    inference: str = _switch(
        "both", "inference paths that are served: v4 (with v3's), v6, or both", "both", "v4", "v6"
    )
    any_lora: bool = _switch(False, "render a LoRA on any base model; otherwise it must fit")
    empty_output: str = _switch(
        "list", "`output` of a processing answer: [] or an empty string", "list", "string"
    )
    nsfw: bool = _switch(False, "blank every image and report nsfw_content_detected")
    fetch_images: bool = _switch(
        False, "really download the training images; otherwise links are only checked"
    )
    webhook_copies: int = _switch(1, "how often each webhook is sent; 2 shows duplicates", metavar="N")
    fault: list[str] = _switch(  # noqa: RUF009
        [], "a fault rule as JSON, as for POST /emulator/faults; repeatable", metavar="JSON"
    )
    request_log: int = _switch(1000, "requests that GET /emulator/requests remembers", metavar="N")
    verbose: bool = _switch(False, "log every request")
    quiet: bool = _switch(False, "print nothing after the connection")

    def reload_seconds(self) -> float:
        """Return how long a reload takes; two of thirty minutes at full scale."""
        return self.duration / 15 if self.reload is None else self.reload

    def fault_rules(self) -> list[dict[str, Any]]:
        """Return the rules given on the command line."""
        return [json.loads(text) for text in self.fault]


_NUMBERS = {"int": int, "float": float, "int | None": int, "float | None": float}


def _type_of(field: dataclasses.Field[Any]) -> Callable[[str], Any]:
    """Return what reads an option's value, within its bounds."""
    kind = _NUMBERS.get(str(field.type))
    if kind is None:
        return str
    least, most = field.metadata["least"], field.metadata["most"]

    def number(text: str) -> Any:
        value = kind(text)
        if not (least <= value <= most and math.isfinite(value)):
            wanted = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"must be {wanted}, not {text}")
        return value

    return number


def _text(value: str) -> str:
    if not value.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return value


def parser() -> argparse.ArgumentParser:
    """Return the command line, built from the fields of :class:`Options`."""
    command = argparse.ArgumentParser(
        prog="dreambooth-emulator",
        description="A local stand-in for the Stable Diffusion API's Dreambooth training and inference.",
        epilog="Documentation: docs/emulator.md",
    )
    command.add_argument(
        "--list-inventions", action="store_true", help="print what the service does not document, and leave"
    )
    for field in dataclasses.fields(Options):
        flag = "--" + field.name.replace("_", "-")
        text = field.metadata["help"]
        if field.type == "bool":
            command.add_argument(flag, action="store_true", help=text)
        elif field.type == "list[str]":
            command.add_argument(
                flag, action="append", type=_text, default=[], metavar=field.metadata["metavar"], help=text
            )
        elif field.metadata["choices"]:
            command.add_argument(
                flag,
                choices=field.metadata["choices"],
                default=field.default,
                help=f"{text} (default: %(default)s)",
            )
        else:
            shown = "" if field.default in (None, "") else " (default: %(default)s)"
            command.add_argument(
                flag,
                type=_type_of(field),
                default=field.default,
                metavar=field.metadata["metavar"],
                help=text + shown,
            )
    return command


def from_command_line(arguments: Sequence[str] | None = None) -> tuple[Options, bool]:
    """Read the command line.

    :param arguments: the words after the command; the process's own when left out.
    :return: the options, and whether only the inventions are to be listed.
    """
    command = parser()
    values = vars(command.parse_args(arguments))
    list_inventions = bool(values.pop("list_inventions"))
    options = Options(**values)
    if bool(options.tls_cert) != bool(options.tls_key):
        command.error("--tls-cert and --tls-key go together")
    if options.tls_cert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_cert, options.tls_key)
        except OSError as error:
            command.error(
                f"--tls-cert {options.tls_cert} and --tls-key {options.tls_key} cannot be used: {error}"
            )
    try:
        rules = options.fault_rules()
    except ValueError as error:
        command.error(f"--fault is not JSON: {error}")
    if not all(isinstance(rule, dict) for rule in rules):
        command.error("--fault must be a JSON object")
    return options, list_inventions
