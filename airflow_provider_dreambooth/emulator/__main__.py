# SPDX-License-Identifier: Apache-2.0
"""The command ``dreambooth-emulator``: read the options, say how to connect, serve."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from airflow_provider_dreambooth.emulator.inventions import as_text
from airflow_provider_dreambooth.emulator.neighbours import is_exposed
from airflow_provider_dreambooth.emulator.options import Options, from_command_line
from airflow_provider_dreambooth.emulator.own_images import IMAGES_OF_A_SUBJECT, SUBJECTS

_ANY_KEY = "emulator-key"
_MISSING = (
    "dreambooth-emulator needs {name}, which is not installed.\n"
    "Install the emulator's extra: pip install 'airflow-provider-dreambooth[emulator]'"
)

_EXPOSED = (
    "Warning: --host {host} makes the emulator reachable from other machines. Anyone there can use it, and its pages and "
    "control endpoints need no key."
)


def connection(options: Options, url: str) -> dict[str, Any]:
    """Return the Airflow connection that leads to the emulator."""
    password = _ANY_KEY
    if options.key:
        password = options.key[0] if options.print_key else "…" + options.key[0][-4:]
    extra: dict[str, Any] = {"environment": options.environment}
    if options.tls_cert:
        extra["verify"] = options.tls_cert
    return {"conn_type": "dreambooth", "host": url, "password": password, "extra": extra}


def greeting(options: Options, url: str) -> str:
    """Return what is printed at the start: the connection as JSON, the same as a shell line, and words."""
    value = json.dumps(connection(options, url), ensure_ascii=False)
    key = "any non-empty key" if not options.key else f"{len(options.key)} key(s), masked above"
    if options.key and options.print_key:
        key = f"{len(options.key)} key(s)"
    return "\n".join(
        [
            value,
            f"export AIRFLOW_CONN_DREAMBOOTH_DEFAULT={shlex.quote(value)}",
            "",
            f"Dreambooth emulator at {url}/ (a stand-in: nothing is trained, nothing is paid)",
            f"  accepts   {key}",
            f"  training  {options.duration:g} s, rendering {options.render:g} s",
            f"  images    {url}/samples/{{{','.join(SUBJECTS)}}}/{{1..{IMAGES_OF_A_SUBJECT}}}.png",
            f"  control   {url}/emulator/trainings, /emulator/faults, /emulator/requests",
            "  stop with Ctrl-C",
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: the words after the command; the process's own when left out.
    :return: the exit code.
    """
    options, list_inventions = from_command_line(arguments)
    if list_inventions:
        print(as_text())
        return 0
    try:
        import PIL  # noqa: F401

        from airflow_provider_dreambooth.emulator import server
        from airflow_provider_dreambooth.emulator.application import create_app
        from airflow_provider_dreambooth.emulator.faults import FaultRuleError
    except ModuleNotFoundError as error:
        print(_MISSING.format(name=error.name), file=sys.stderr)
        return 2
    try:
        application = create_app(options)
        listener = server.listening_socket(options.host, options.port)
    except FaultRuleError as error:
        print(f"dreambooth-emulator: --fault: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"dreambooth-emulator: cannot listen on {options.host}:{options.port}: {error.strerror}. "
            "Give an address of this machine as --host, and another --port, or --port 0 for a free one.",
            file=sys.stderr,
        )
        return 1
    url = server.url_of(options, listener)
    if is_exposed(options):
        print(_EXPOSED.format(host=options.host), file=sys.stderr)
    running = server.EmulatorServer(application, lambda: print(greeting(options, url), flush=True))
    with contextlib.suppress(KeyboardInterrupt):
        running.run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
