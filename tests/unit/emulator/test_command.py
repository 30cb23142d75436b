# SPDX-License-Identifier: Apache-2.0
"""The command line: options, the printed connection, friendly refusals."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

import airflow_provider_dreambooth.emulator
from airflow_provider_dreambooth.emulator.__main__ import greeting, main
from airflow_provider_dreambooth.emulator.inventions import INVENTED
from airflow_provider_dreambooth.emulator.options import Options, from_command_line
from airflow_provider_dreambooth.emulator.stage_plan import StagePlan

ROOT = pathlib.Path(__file__).parents[3]


def test_the_command_line_has_the_defaults_of_the_options() -> None:
    assert from_command_line([]) == (Options(), False)


def test_options_are_read_by_their_type() -> None:
    options, _ = from_command_line(
        [
            "--port",
            "0",
            "--duration",
            "5",
            "--key",
            "a",
            "--key",
            "b",
            "--credits",
            "3",
            "--nsfw",
            "--http-codes",
            "2023",
        ]
    )
    assert (options.port, options.duration, options.key, options.credits) == (0, 5.0, ["a", "b"], 3)
    assert (options.nsfw, options.http_codes) == (True, "2023")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--duration", "0"],
        ["--duration", "nan"],
        ["--duration", "inf"],
        ["--render", "-1"],
        ["--port", "65536"],
        ["--keep", "0"],
        ["--id-length", "0"],
        ["--key", ""],
        ["--tls-cert", "x"],
        ["--tls-cert", "missing.pem", "--tls-key", "missing.pem"],
        ["--fault", "{"],
        ["--fault", "[]"],
        ["--http-codes", "1999"],
    ],
)
def test_nonsense_on_the_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        from_command_line(arguments)
    assert refused.value.code == 2
    assert "dreambooth-emulator: error" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [field for field in dataclasses.fields(Options) if "float" in str(field.type)]
)
def test_no_span_of_time_is_negative_or_endless(option: dataclasses.Field[object]) -> None:
    for wrong in ("-1", "nan", "inf"):
        with pytest.raises(SystemExit):
            from_command_line(["--" + option.name.replace("_", "-"), wrong])


def test_the_connection_is_printed_as_json_and_as_a_shell_line() -> None:
    lines = greeting(Options(environment="sandbox"), "http://127.0.0.1:8765").splitlines()
    connection = json.loads(lines[0])
    assert connection["conn_type"] == "dreambooth"
    assert connection["host"] == "http://127.0.0.1:8765"
    assert connection["password"]
    assert connection["extra"] == {"environment": "sandbox"}
    assert shlex.split(lines[1]) == ["export", f"AIRFLOW_CONN_DREAMBOOTH_DEFAULT={lines[0]}"]


def test_a_given_key_is_masked_unless_asked_for() -> None:
    key = "secret-key-of-somebody-9876"
    text = greeting(Options(key=[key]), "http://127.0.0.1:1")
    assert key not in text
    assert json.loads(text.splitlines()[0])["password"].endswith("9876")
    assert key in greeting(Options(key=[key], print_key=True), "http://127.0.0.1:1")


def test_a_taken_port_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "--port 0" in capsys.readouterr().err


def test_a_bad_fault_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--fault", '{"kind":"nonsense"}']) == 2
    assert "kind must be one of" in capsys.readouterr().err


def test_a_missing_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["--port", "0"]) == 2
    assert "airflow-provider-dreambooth[emulator]" in capsys.readouterr().err


def test_inventions_are_listed_and_their_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-inventions"]) == 0
    text = capsys.readouterr().out
    flags = {"--" + field.name.replace("_", "-") for field in dataclasses.fields(Options)}
    for invention in INVENTED:
        assert invention.what in text
        assert not invention.option or invention.option in flags


def test_the_command_serves_prints_stages_and_ends_on_interrupt() -> None:
    command = [
        sys.executable,
        "-m",
        "airflow_provider_dreambooth.emulator",
        "--port",
        "0",
        "--duration",
        "0.1",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        try:
            assert process.stdout is not None
            host = json.loads(process.stdout.readline())["host"]
            images = [f"{host}/samples/fox/{number}.png" for number in (1, 2, 3)]
            body = {"key": "abc-secret", "instance_prompt": "a", "class_prompt": "b", "images": images}
            request = urllib.request.Request(
                f"{host}/api/v3/fine_tune", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=10) as response:
                training_id = json.load(response)["training_id"]
            seen = []
            for line in process.stdout:
                seen.append(line)
                if "model_ready" in line:
                    break
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert any(f"{training_id} training_started" in line for line in seen)
    assert "abc-secret" not in "".join(seen)


def test_the_emulator_imports_nothing_of_the_provider() -> None:
    own = "airflow_provider_dreambooth.emulator"
    folder = pathlib.Path(str(airflow_provider_dreambooth.emulator.__file__)).parent
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith(("airflow_provider_dreambooth", "airflow")) or name.startswith(
                    own
                ), source


def test_a_plan_covers_the_whole_duration() -> None:
    plan = StagePlan.of("dreambooth", 100.0)
    assert plan.starts[0] == 0
    assert plan.starts[-1] == 100
    assert list(plan.starts) == sorted(plan.starts)
    assert plan.stages[plan.index_at(99.9)] == "deploying_model"
    assert plan.stages[plan.index_at(1e9)] == "model_ready"
