# SPDX-License-Identifier: Apache-2.0
"""Images that become public links, each once."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import traceback
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowFailException
from PIL import Image, ImageChops, ImageOps, ImageStat
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.operators.dreambooth import DreamboothUploadImagesOperator
from tests.emulated_task import Requests, Tries, dies_at, photo

Album = Callable[[int], Path]


def upload(connection: str, paths: Any, **arguments: Any) -> DreamboothUploadImagesOperator:
    return DreamboothUploadImagesOperator(
        task_id="upload", paths=paths, dreambooth_conn_id=connection, **arguments
    )


def size_of(link: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(requests.get(link, timeout=60).content)).size


def test_a_folder_becomes_links_to_squares_in_order(connection: str, album: Album, asked: Requests) -> None:
    links = Tries().run(upload(connection, [str(album(4))]))
    assert asked.of("base64_crop") == 4
    assert [size_of(link) for link in links] == [(512, 512)] * 4
    assert len(set(links)) == 4


def test_links_are_handed_on_between_what_is_uploaded(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    public = f"{emulator.url}/samples/fox/1.png"
    folder = album(2)
    links = Tries().run(upload(connection, [f"{folder}/2.png", public, f"file://{folder}/1.png"]))
    assert links[1] == public
    assert asked.of("base64_crop") == 2


@pytest.mark.parametrize("report_only", [True, "True"])
def test_a_report_names_what_would_be_uploaded_and_uploads_nothing(
    connection: str, emulator: RunningEmulator, album: Album, asked: Requests, report_only: Any
) -> None:
    tries, folder = Tries(), album(3)
    public = f"{emulator.url}/samples/fox/1.png"
    with dies_at(DreamboothHook, "upload_image", 2):
        tries.run(upload(connection, [str(folder), public]))
    told = tries.run(upload(connection, [str(folder), public], report_only=report_only))
    assert [Path(name).name for name in told] == ["2.png", "3.png"]
    assert asked.of("base64_crop") == 1
    tries.run(upload(connection, [str(folder), public]))
    assert asked.of("base64_crop") == 3


def test_a_report_checks_the_images(connection: str, album: Album, asked: Requests) -> None:
    folder = album(2)
    (folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(DreamboothValidationError, match=r"1\.png"):
        Tries().run(upload(connection, [str(folder)], report_only=True))
    assert asked.of("base64_crop") == 0


def test_a_retry_uploads_only_what_the_crash_has_left_over(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(5)
    with dies_at(DreamboothHook, "upload_image", 4) as sent:
        tries.run(upload(connection, [str(folder)]))
    links = tries.run(upload(connection, [str(folder)]))
    assert asked.of("base64_crop") == 5
    assert links[:3] == [image.url for image in sent]


def test_a_changed_image_is_uploaded_again_and_no_other(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    before = tries.run(upload(connection, [str(folder)]))
    (folder / "2.png").write_bytes(photo(tone=222))
    after = tries.run(upload(connection, [str(folder)]))
    assert asked.of("base64_crop") == 4
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_whole_and_cut_are_two_uploads(connection: str, album: Album, asked: Requests) -> None:
    tries, folder = Tries(), album(1)
    cut = tries.run(upload(connection, [str(folder)]))
    whole = tries.run(upload(connection, [str(folder)], crop=False))
    assert (size_of(cut[0]), size_of(whole[0])) == ((512, 512), (640, 480))


def test_without_pillow_the_service_cuts(
    connection: str, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "AVAILABLE", False)
    sent: list[tuple[bytes, bool]] = []
    real = DreamboothHook.upload_image

    def noted(self: DreamboothHook, content: bytes, **arguments: Any) -> Any:
        sent.append((content, arguments["crop"]))
        return real(self, content, **arguments)

    monkeypatch.setattr(DreamboothHook, "upload_image", noted)
    folder = album(1)
    links = Tries().run(upload(connection, [str(folder)]))
    assert sent == [((folder / "1.png").read_bytes(), True)]
    assert size_of(links[0]) == (512, 512)


def test_without_pillow_a_large_photograph_is_refused_with_the_name_of_the_extra(
    connection: str, tmp_path: Path, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.png").write_bytes(photo() + b"\0" * 5 * 1024 * 1024)
    monkeypatch.setattr(decoding, "AVAILABLE", False)
    with pytest.raises(
        DreamboothValidationError, match=r"pip install 'airflow-provider-dreambooth\[images\]'"
    ):
        Tries().run(upload(connection, [str(tmp_path)]))
    assert asked.of("base64_crop") == 0


def test_a_large_photograph_is_made_smaller(connection: str, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(photo() + b"\0" * 5 * 1024 * 1024)
    assert size_of(Tries().run(upload(connection, [str(tmp_path)]))[0]) == (512, 512)
    with pytest.raises(DreamboothValidationError, match="crop=True makes it smaller"):
        Tries().run(upload(connection, [str(tmp_path)], crop=False))


def test_one_error_lists_all_that_is_wrong_and_nothing_is_uploaded(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    folder = album(2)
    (folder / "3.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "4.jpg").write_bytes(b"<html>no picture</html>")
    (folder / "5.png").write_bytes(photo(200, 900))
    (folder / "6.png").write_bytes(photo(tone=99)[:-2000])
    gone = f"{emulator.url}/samples/fox/99.png"
    page = f"{emulator.url}/emulator/health"
    fox = f"{emulator.url}/samples/fox/1.png"
    with pytest.raises(DreamboothValidationError) as caught:
        Tries().run(upload(connection, [str(folder), f"{folder}/*.gif", "/none.png", gone, page, fox, fox]))
    text = str(caught.value)
    for part in (
        "paths cannot be used: 9 problems.",
        f"{folder}/3.png is the same image as {folder}/1.png",
        f"{folder}/4.jpg is a web page; PNG or JPEG is needed",
        f"{folder}/5.png has 200 x 900 pixels; at least 256",
        f"{folder}/6.png cannot be decoded to its end",
        f"{folder}/*.gif matches no usable image",
        "/none.png does not exist",
        f"{gone} leads to no image (HTTP 404)",
        f"{page} is not an image; PNG or JPEG is needed",
        f"{fox} is listed twice",
        "nothing was paid",
    ):
        assert part in text
    assert isinstance(caught.value, AirflowFailException), "a retry would not help"
    assert asked.of("base64_crop") == 0


def test_what_may_pass_is_left_to_a_retry(
    connection: str, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = album(2)

    def fail(self: Any, limit: int) -> bytes:
        raise TimeoutError("the storage is asleep")

    monkeypatch.setattr("airflow_provider_dreambooth.storage.place.Place.read_up_to", fail)
    with pytest.raises(DreamboothTransientError, match="the storage is asleep") as caught:
        Tries().run(upload(connection, [str(folder)]))
    assert not isinstance(caught.value, AirflowFailException)


def test_a_link_that_only_the_service_may_reach_is_handed_on_with_a_warning(
    connection: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "http://127.0.0.1:1/1.png"  # nobody listens there
    assert Tries().run(upload(connection, [link])) == [link]
    assert (
        f"{link} cannot be reached from this worker (127.0.0.1:1 refused the connection). It is passed on unchecked"
        in capsys.readouterr().out
    )


def test_small_images_are_used_with_a_warning(
    connection: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.png").write_bytes(photo(300, 300))
    Tries().run(upload(connection, [str(tmp_path)]))
    assert "1 of 1 images are smaller than the advised 512 pixels" in capsys.readouterr().out


def test_an_image_that_changes_while_it_is_read_is_not_uploaded(
    connection: str, album: Album, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = iter([photo(tone=1), photo(tone=2)])
    monkeypatch.setattr(
        "airflow_provider_dreambooth.storage.place.Place.read_up_to", lambda self, limit: next(contents)
    )
    with pytest.raises(DreamboothTransientError, match="was changed while"):
        Tries().run(upload(connection, [str(album(1))]))
    assert asked.of("base64_crop") == 0


def test_mapped_tasks_have_links_of_their_own(connection: str, album: Album, asked: Requests) -> None:
    folder = album(2)
    tasks = [Tries(map_index=index) for index in range(2)]
    for index, tries in enumerate(tasks, 1):
        for _ in range(2):
            tries.run(upload(connection, [f"{folder}/{index}.png"]))
    assert asked.of("base64_crop") == 2


def test_a_template_may_decide_about_cutting(connection: str, album: Album) -> None:
    folder = album(1)
    assert size_of(Tries().run(upload(connection, [str(folder)], crop="False"))[0]) == (640, 480)
    with pytest.raises(DreamboothValidationError, match="crop is 'maybe'"):
        Tries().run(upload(connection, [str(folder)], crop="maybe"))


def turned_photo() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo(900, 600, kind="JPEG", exif=exif)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[str]:
    """The address of a folder that a web server shares."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "turned.jpg").write_bytes(turned_photo())
    (folder / "wide.png").write_bytes(photo(900, 600))
    (folder / "square.png").write_bytes(photo(600, 600))

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_links_to_photographs_that_the_service_sees_differently_are_named(
    connection: str, shared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    links = [f"{shared}/{name}" for name in ("turned.jpg", "wide.png", "square.png")]
    assert Tries().run(upload(connection, links)) == links
    log = capsys.readouterr().out
    assert "1 link leads to photographs that only an EXIF field turns upright" in log
    assert f"{links[0]}" in log
    assert "2 links lead to images that are not square" in log
    assert "copy_links=True" in log


def test_copies_of_links_are_upright_and_square(connection: str, shared: str, asked: Requests) -> None:
    links = [f"{shared}/{name}" for name in ("turned.jpg", "wide.png")]
    tries = Tries()
    copies = tries.run(upload(connection, links, copy_links=True))
    assert [size_of(link) for link in copies] == [(512, 512)] * 2
    upright = Image.open(io.BytesIO(requests.get(copies[0], timeout=60).content))
    expected = ImageOps.fit(ImageOps.exif_transpose(Image.open(io.BytesIO(turned_photo()))), (512, 512))
    assert ImageStat.Stat(ImageChops.difference(upright.convert("RGB"), expected)).mean[0] < 3
    assert tries.run(upload(connection, links, copy_links="True")) == copies
    assert asked.of("base64_crop") == 2


def test_a_copy_of_a_link_that_is_not_there_is_an_error(connection: str, shared: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"99\.png answers HTTP 404"):
        Tries().run(upload(connection, [f"{shared}/99.png"], copy_links=True))


def test_a_signature_reaches_no_log_no_xcom_no_error_and_no_state(
    connection: str, shared: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # Not in a statement that fails: a traceback shows its lines.
    secret = "s3cret"
    signed = [f"{shared}/{name}?X-Amz-Signature={secret}" for name in ("turned.jpg", "wide.png")]
    for ours in ("airflow", "airflow_provider_dreambooth"):
        caplog.set_level("DEBUG", logger=ours)
    tries = Tries()
    links = tries.run(upload(connection, signed))
    told = tries.run(upload(connection, [*signed, f"{shared}/square.png?sig={secret}"], report_only=True))
    with pytest.raises(DreamboothValidationError) as caught:
        Tries().run(
            upload(connection, [f"{shared}/99.png?sig={secret}", f"https://exa mple.com/1.png?sig={secret}"])
        )
    text = "".join(traceback.format_exception(caught.value))
    assert "99.png?… answers HTTP 404" in text
    out = capsys.readouterr()
    everything = [links, told, tries.store.entries, tries.instance.xcoms, text, out.out, out.err]
    assert secret not in str(everything)
    assert secret not in caplog.text


def test_what_a_folder_holds_and_is_not_used_is_named_in_the_log(
    connection: str, album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = album(2)
    (folder / "holiday.tiff").write_bytes(b"x")
    (folder / "more").mkdir()
    Tries().run(upload(connection, [str(folder)]))
    log = capsys.readouterr().out
    assert "2 files or folders are left out" in log
    assert "holiday.tiff" in log
    assert "add" in log


def test_a_webp_file_is_converted(connection: str, tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(photo(kind="WEBP"))
    assert size_of(Tries().run(upload(connection, [str(tmp_path)]))[0]) == (512, 512)
    assert size_of(Tries().run(upload(connection, [str(tmp_path)], crop=False))[0]) == (640, 480)


@pytest.mark.parametrize("hosted", ["https://modelslab.com", "https://stablediffusionapi.com"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "localhost", "[::ffff:127.0.0.1]"])
def test_with_the_hosted_service_no_link_leads_to_this_machine(
    host: str, hosted: str, shared: str, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_HOSTED", f'{{"conn_type": "dreambooth", "host": "{hosted}", "password": "k"}}'
    )
    sent = mocker.patch.object(DreamboothHook, "upload_image")
    for copy_links in (True, False):
        link = f"http://{host}:{shared.rpartition(':')[2]}/wide.png"
        with pytest.raises(DreamboothValidationError, match=r"private network|not an address of the public"):
            Tries().run(upload("hosted", [link], copy_links=copy_links))
    sent.assert_not_called()


def test_hostile_sizes_take_no_memory(connection: str, shared: str, tmp_path: Path) -> None:
    """Run in a process of its own: the most memory that a process ever took is known of the whole process alone."""
    pixels = 13_000
    rows = zlib.compress(b"\0" * (pixels + 1) * pixels, 9)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        )

    header = pixels.to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    for number in range(8):
        (tmp_path / "shared" / f"bomb{number}.png").write_bytes(bomb + bytes([number]))
    folder = tmp_path / "bombs"
    folder.mkdir()
    (folder / "a.png").write_bytes(bomb)
    with (folder / "huge.png").open("wb") as huge:
        huge.truncate(8 << 30)
    paths = [*(f"{shared}/bomb{number}.png" for number in range(8)), str(folder), "/dev/zero"]
    program = (
        "import resource, sys\n"
        "from tests.emulated_task import Tries\n"
        "from airflow_provider_dreambooth.operators.dreambooth import DreamboothUploadImagesOperator\n"
        "from airflow_provider_dreambooth.images import decoding, supply\n"
        "decoding.formats()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    Tries().run(DreamboothUploadImagesOperator(\n"
        f"        task_id='upload', paths={paths!r}, dreambooth_conn_id='emulated'))\n"
        "except Exception as error:\n"
        "    print(error)\n"
        "print('MB', (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert "11 problems" in done.stdout
    assert int(done.stdout.rpartition("MB ")[2]) < 150
