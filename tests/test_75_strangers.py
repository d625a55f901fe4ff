"""The live view and strangers: no path leads out, other hosts and pages are refused, and so is what has no form."""

import asyncio
import contextlib
import http.client
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import schemathesis
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from berthwatch.cli import main
from berthwatch.corrections import FILE
from berthwatch.guard import MOST_BODY, guarded
from berthwatch.serving import application
from tests.live import OURS, look_of, words


@pytest.fixture
def run(run_to_correct: Path) -> Path:
    return run_to_correct


@pytest.fixture
def client(run: Path) -> TestClient:
    return TestClient(application(run, OURS), base_url="http://localhost:8000")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"[]", b"null", b'"x"', b'{"who": "\\ud800"}', b"\xff\xfe", b'{"a":' * 3000,
        json.dumps({"verdict": "perhaps"}).encode(), b'{"\\ud800": 1}',
    ],
)  # fmt: skip
def test_malformed_body_is_refused_with_a_reason(client: TestClient, run: Path, body: bytes) -> None:
    answer = client.post("/api/corrections", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]
    assert not (run / FILE).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": ""}, {"who": " "}, {"who": "x" * 81}, {"who": "a\nb"}, {"who": "\ud800"}, {"note": "x" * 501},
        {"verdict": "yes"}, {"when": "2024-01-01T00:00:00Z"}, {"path": "/etc/passwd"}, {"scene_id": 3},
        {"scene_id": None},
    ],
)  # fmt: skip
def test_value_out_of_its_bounds_is_refused_by_name(client: TestClient, run: Path, wrong: dict[str, Any]) -> None:
    body = json.dumps(words(look_of(client, "taken"), **wrong)).encode()
    answer = client.post("/api/corrections", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["detail"][0]["where"]
    assert not (run / FILE).exists()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_any_page_may_send_without_asking_is_not_read(client: TestClient, run: Path, kind: str) -> None:
    body = json.dumps(words(look_of(client, "taken")))
    assert client.post("/api/corrections", content=body, headers={"content-type": kind}).status_code in (415, 422)
    assert not (run / FILE).exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/", "/live", "/api/looks", "/api/picture", "/report.html"])
def test_nothing_else_can_be_written(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code in (404, 405)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "evil.example:8000", "localhost@evil.example", "127.0.0.2", "",
        "[::2]", "local host",
    ],
)  # fmt: skip
def test_other_hosts_are_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/api/looks?berth=B1"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 400
        assert "B1" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:8000", "[::1]:8000"])
def test_names_of_this_machine_are_let_in_at_any_port(client: TestClient, host: str) -> None:
    assert client.get("/api/berths", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:9000"},
        {"origin": "https://localhost:8000"}, {"origin": "http://127.0.0.1:8000"}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_pages_of_others_cannot_write(client: TestClient, run: Path, headers: dict[str, str]) -> None:
    look = look_of(client, "taken")
    assert client.post("/api/corrections", json=words(look), headers=headers).status_code == 403
    assert not (run / FILE).exists()
    own = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
    assert client.post("/api/corrections", json=words(look), headers=own).status_code == 201


def test_body_that_is_too_large_is_refused_whether_or_not_it_says_so(client: TestClient, run: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield from (b" " * 1000 for _ in range(MOST_BODY // 1000 + 1))

    for content in (b" " * (MOST_BODY + 1), parts()):
        answer = client.post("/api/corrections", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 413
    assert not (run / FILE).exists()


def test_answers_forbid_frames_and_guesses_and_ask_for_no_other_site(client: TestClient) -> None:
    for path in ("/", "/live", "/api/berths", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/docs").status_code == 404  # it would fetch from elsewhere


def test_sockets_of_another_kind_are_closed() -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def never(*_: Any) -> Any:
        raise AssertionError("let through")

    asyncio.run(guarded(never, OURS)({"type": "websocket", "headers": []}, never, send))
    assert said == [{"type": "websocket.close", "code": 1008}]


def asked(address: str, lines: str, body: bytes = b"") -> tuple[int, bytes]:
    """A request as bytes, which no client library would send so."""
    url = urlsplit(address)
    assert url.hostname is not None
    with socket.create_connection((url.hostname, url.port or 80), timeout=20) as connection:
        connection.sendall(lines.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


@pytest.mark.parametrize(
    "path",
    [
        "/../run.json", "/..%2frun.json", "/%2e%2e/%2e%2e/etc/passwd", "/live/../run.json", "//etc/passwd", "/run.json",
        "/corrections.jsonl", "/cube/planetscope/repo", "/report.html", "/api/../run.json", "/..%5c..%5crun.json",
        "/api/picture?berth=../B1&source=../../cube/planetscope&scene=x",
        "/api/looks?berth=" + quote("../../../etc/passwd"),
        "/api/picture?berth=B1&source=" + quote("/etc") + "&scene=passwd", "/api/looks?berth=%00", "http://evil.example/",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(served: str, path: str) -> None:
    status, body = asked(served, f"GET {path} HTTP/1.1\nHost: {urlsplit(served).netloc}\nConnection: close")
    assert status in (400, 404), body
    assert b"root:" not in body
    assert b"run_file_sha256" not in body


@pytest.mark.parametrize("hosts", [[], ["evil.example"], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_real_server_wants_one_host_and_that_its_own(served: str, hosts: list[str]) -> None:
    lines = "\n".join(["GET /api/berths HTTP/1.1", *(f"Host: {host}" for host in hosts), "Connection: close"])
    assert asked(served, lines)[0] == 400


def test_real_server_ends_a_body_that_is_too_large_or_torn(served: str) -> None:
    head = f"POST /api/corrections HTTP/1.1\nHost: {urlsplit(served).netloc}\nContent-Type: application/json\n"
    for length, body, status in ((MOST_BODY + 1, b"", 413), (10**15, b"", 413), (7, b"{\xff\xfe\x00}}}", 400)):
        assert asked(served, f"{head}Content-Length: {length}", body)[0] == status
    part = b"3e8\r\n" + b" " * 1000 + b"\r\n"
    assert asked(served, f"{head}Transfer-Encoding: chunked", part * (MOST_BODY // 1000 + 2))[0] == 413
    with contextlib.suppress(ConnectionError):  # it may close before it has read all
        assert asked(served, f"{head}X-Long: {'x' * 200_000}")[0] == 400
    assert asked(served, f"GET /api/berths HTTP/1.1\nHost: {urlsplit(served).netloc}\nConnection: close")[0] == 200


def test_wrong_folder_port_or_missing_libraries_are_one_line_and_exit_2(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = CliRunner().invoke(main, ["serve", str(tmp_path)])
    assert nowhere.exit_code == 2
    assert "run.json: expected the record of a run" in nowhere.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = CliRunner().invoke(main, ["serve", str(run), "--port", str(taken.getsockname()[1])])
    assert busy.exit_code == 2
    assert "a port that is free" in busy.stderr
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "berthwatch.serving")
    bare = CliRunner().invoke(main, ["serve", str(run)])
    assert bare.exit_code == 2
    assert "`pip install berthwatch[serve]`" in bare.stderr
    assert len(bare.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_interface_is_as_it_describes_itself_whatever_is_sent(run: Path, mode: schemathesis.GenerationMode) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", application(run, frozenset({"testserver"})))
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        tried.append(f"{operation.method} {operation.path}")
        takes = operation.method == "post" or operation.path in ("/api/looks", "/api/picture")
        if mode is schemathesis.GenerationMode.NEGATIVE and not takes:
            continue  # nothing that could be wrong

        @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: schemathesis.Case) -> None:
            case.call_and_validate()

        holds()
    assert sorted(tried) == [
        "get /api/berths", "get /api/corrections", "get /api/looks", "get /api/picture", "post /api/corrections",
    ]  # fmt: skip
    assert not (run / FILE).exists()
