# SPDX-License-Identifier: Apache-2.0
"""Web pages of others that a browser on this machine has open, and callers that ask for too much."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.emulator.__main__ import main
from airflow_provider_dreambooth.emulator.bounded import Bounded
from airflow_provider_dreambooth.emulator.neighbours import is_exposed, is_own_host, refusal
from airflow_provider_dreambooth.emulator.options import Options

CONTROL = [
    ("POST", "/emulator/reset"),
    ("POST", "/emulator/faults"),
    ("DELETE", "/emulator/faults"),
    ("POST", "/emulator/trainings/x"),
]


@pytest.mark.parametrize(
    "path", ["/", "/emulator/trainings", "/samples", "/samples/fox/1.png", "/api/v3/finetune_list"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "8.8.8.8", ""]
)
def test_a_foreign_host_header_is_refused_everywhere(emulate: Any, path: str, host: str) -> None:
    answer = emulate().http.get(path, headers={"host": host})
    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost:8765", "LOCALHOST", "127.0.0.1:1", "[::1]:8765", "127.8.8.8"])
def test_the_names_and_addresses_of_this_machine_are_served(emulate: Any, host: str) -> None:
    assert emulate().http.get("/emulator/health", headers={"host": host}).status_code == 200


def test_further_names_can_be_allowed() -> None:
    options = Options(allow_host=["Emulator"], public_url="https://proxy.example/path")
    assert is_own_host(options, "emulator")
    assert is_own_host(options, "proxy.example")
    assert not is_own_host(options, "other")


def test_on_all_interfaces_addresses_are_served_and_names_are_not() -> None:
    options = Options(host="0.0.0.0")
    assert is_own_host(options, "192.168.1.5")
    assert not is_own_host(options, "evil.example")


@pytest.mark.parametrize(("method", "path"), CONTROL)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(
    emulate: Any, method: str, path: str, headers: dict[str, str]
) -> None:
    emulated = emulate()
    emulated.create()
    emulated.fault(kind="http_500", endpoint="create")
    answer = emulated.http.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert len(emulated.service.trainings) == len(emulated.service.faults.rules) == 1


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://testserver"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
)
def test_its_own_page_and_programs_may_change_it(emulate: Any, headers: dict[str, str]) -> None:
    assert emulate().http.post("/emulator/reset", headers=headers).status_code == 200


def test_a_host_header_that_is_no_address_is_refused() -> None:
    assert refusal(Options(), "GET", "/", [(b"host", b"[::1")]) is not None


@pytest.mark.parametrize(
    ("host", "exposed"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True)],
)
def test_who_is_reachable_from_other_machines(host: str, exposed: bool) -> None:
    assert is_exposed(Options(host=host)) is exposed


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_a_warning_is_printed_when_other_machines_reach_it(
    mocker: Any, capsys: pytest.CaptureFixture[str], host: str, warned: bool
) -> None:
    mocker.patch("airflow_provider_dreambooth.emulator.server.EmulatorServer.run")
    assert main(["--host", host, "--port", "0"]) == 0
    assert ("Warning" in capsys.readouterr().err) is warned


def test_the_oldest_trainings_and_renderings_leave_and_ids_do_not_repeat(emulate: Any) -> None:
    emulated = emulate(keep=3, credits=6)
    ids = [emulated.create().json()["training_id"] for _ in range(5)]
    assert list(emulated.service.trainings) == ids[2:]
    assert emulated.post(f"v3/fine_tune_status/{ids[0]}").status_code == 404
    numbers = [emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x")["id"] for _ in range(5)]
    assert list(emulated.service.renderings) == numbers[2:]
    assert numbers == sorted(set(numbers))
    assert [emulated.create().status_code for _ in range(2)] == [200, 402]


def test_the_images_of_a_forgotten_rendering_are_gone(emulate: Any) -> None:
    emulated = emulate(keep=1)
    links = [emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x")["output"][0] for _ in range(2)]
    assert [emulated.http.get(link).status_code for link in links] == [404, 200]


def test_a_bounded_dictionary_forgets_by_number_and_by_size() -> None:
    kept: Bounded[str, int] = Bounded(3, 100)
    for number, name in enumerate("abcd"):
        kept.keep(name, number, 10)
    assert list(kept) == ["b", "c", "d"]
    kept.keep("e", 4, 85)
    assert list(kept) == ["d", "e"]
    kept.keep("d", 5, 10)
    assert list(kept) == ["e", "d"]
    kept.keep("f", 6, 1000)
    assert list(kept) == ["f"]
    kept.clear()
    kept.keep("g", 7, 100)
    assert kept == {"g": 7}


def test_long_addresses_are_remembered_in_part(emulate: Any) -> None:
    emulated = emulate()
    emulated.post("v3/fine_tune_status/" + "x" * 5000)
    assert len(emulated.http.get("/emulator/requests").json()["requests"][0]["path"]) == 300


def test_fault_rules_are_limited_in_number(emulate: Any) -> None:
    emulated = emulate()
    for _ in range(1000):
        emulated.service.faults.add({"kind": "empty"})
    assert emulated.fault(kind="empty").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/samples/fox/0.png",
        "/samples/fox/9.png",
        "/samples/cat/1.png",
        "/samples/fox/" + "9" * 5000 + ".png",
        "/samples/fox/².png",
        "/samples/fox/1.jpg",
        "/samples/fox",
        "/uploads/00.png",
        "/generations/x-0.png",
        "/generations/00000000-0000-0000-0000-000000000000-².png",
    ],
)
def test_a_wrong_address_of_an_image_is_not_found(emulate: Any, path: str) -> None:
    assert emulate().http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("v3/lora_fine_tune", {"base_model_type": ["sdxl"]}),
        ("v3/fine_tune_v2", {"learning_rate_unet": {}}),
        ("v3/fine_tune", {"seed": "1e999"}),
        ("v3/dreambooth/buy_model", {"quantity": 1e308 * 10}),
        ("v6/images/text2img", {"lora_strength": {}, "model_id": ["sdxl"], "prompt": {}}),
    ],
)
def test_a_field_of_a_wrong_kind_is_refused(emulate: Any, path: str, changes: dict[str, Any]) -> None:
    answer = emulate().http.post(
        f"/api/{path}",
        content=json.dumps(
            {"key": "k", "instance_prompt": "a", "class_prompt": "b", "images": ["http://x/1.png"], **changes}
        ),
        headers={"content-type": "application/json"},
    )
    assert answer.json()["status"] == "error"


@pytest.mark.parametrize("seed", ["5.0", "1e3", 7.0])
def test_a_whole_seed_may_be_written_as_a_float(emulate: Any, seed: Any) -> None:
    answer = emulate().answer("v4/dreambooth", model_id="sdxl", prompt="x", seed=seed)
    assert answer["meta"]["seed"] == float(seed)


@pytest.mark.parametrize("wish", [-1, "soon", 1e300, True, None])
def test_a_wish_that_makes_no_sense_is_ignored(emulate: Any, wish: Any) -> None:
    emulated = emulate()
    answer = emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x", emulator={"render": wish})
    assert answer["status"] == "success"
    created = emulated.create(emulator={"duration": wish, "eta_factor": wish}).json()
    assert created["data"] == "it will take upto 25 minutes."


@pytest.mark.parametrize("text", ["[" * 100_000, b"\xff\xfe", "nonsense"])
def test_a_body_that_cannot_be_read_is_refused(emulate: Any, text: Any) -> None:
    http = emulate().http
    headers = {"content-type": "application/json"}
    assert http.post("/api/v3/finetune_list", content=text, headers=headers).status_code == 401
    assert http.post("/emulator/faults", content=text, headers=headers).status_code == 400
