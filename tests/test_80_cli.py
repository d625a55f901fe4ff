"""The command line: exit statuses, what goes to stdout and what to stderr, in plain and in JSON."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from berthwatch import cli
from berthwatch.errors import Fault, InputError
from berthwatch.logs import JsonFormatter
from berthwatch.model import SetAside
from berthwatch.progress import Bars, Told
from berthwatch.terminal import start


@dataclass(frozen=True, slots=True)
class PretendedResult:
    out: Path
    set_aside: tuple[SetAside, ...] = ()
    summary: dict[str, object] = field(default_factory=lambda: {"visits": 3, "berths": ["north"]})


@pytest.fixture
def invoke(monkeypatch):
    """Call the command in this process, the steps replaced by pretended ones where given."""
    handlers, level = logging.root.handlers[:], logging.root.level

    def call(*arguments: object, run=None, check=None, read_port=None) -> Result:
        if run is not None or check is not None:
            monkeypatch.setitem(sys.modules, "berthwatch.pipeline", SimpleNamespace(run=run, check=check))
            reader = read_port or (lambda path: path)
            monkeypatch.setitem(sys.modules, "berthwatch.config", SimpleNamespace(read_port=reader))
        return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])

    yield call
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.getLogger("berthwatch").setLevel(logging.NOTSET)


def finished(set_aside: tuple[SetAside, ...] = ()):
    def run(port, out, client=None, progress=None) -> PretendedResult:
        progress.step("read scenes", 2)
        progress.advance(2)
        progress.done()
        return PretendedResult(Path(out), set_aside)

    return run


def failing(error: Exception):
    def run(port, out, client=None, progress=None):
        raise error

    return run


CLOUD = (SetAside("S1A_x", "sentinel-1", "every pixel is nodata"),)


def test_finished_run_prints_summary_and_report_and_exits_0(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, run=finished())
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["visits: 3", f"report: {tmp_path / 'report.html'}"]
    assert result.stderr == "read scenes: 2 of 2, 0 s\n"


def test_scenes_set_aside_are_named_with_their_reason_and_exit_3(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, run=finished(CLOUD))
    assert result.exit_code == 3
    assert "scene S1A_x of sentinel-1: every pixel is nodata" in result.stderr
    assert "report:" in result.stdout


def test_quiet_leaves_only_what_was_set_aside(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, "--quiet", run=finished(CLOUD))
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_json_log_is_one_object_a_line_with_fields(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, "--log-format", "json", run=finished(CLOUD))
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert [record["level"] for record in records] == ["info", "error"]
    assert (records[0]["step"], records[0]["made"], records[0]["total"]) == ("read scenes", 2, 2)
    assert (records[1]["scene_id"], records[1]["reason"]) == ("S1A_x", "every pixel is nodata")


def test_each_fault_of_the_input_is_a_line_and_exits_2(invoke, tmp_path) -> None:
    faults = [Fault("port.yaml:3 berths", "a file", "nothing"), Fault("port.yaml:9 kind", "optical or sar", "radar")]
    result = invoke("run", "port.yaml", "--out", tmp_path / "out", run=failing(InputError(faults)))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"error: {fault}" for fault in faults]
    assert result.stdout == ""


def test_anything_else_is_one_line_and_exits_1(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, run=failing(RuntimeError("disk full\nvery full")))
    assert result.exit_code == 1
    assert result.stderr == "error: RuntimeError: disk full very full (--verbose says where)\n"


def test_verbose_shows_the_traceback(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, "--verbose", run=failing(RuntimeError("disk full")))
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_check_prints_the_lines_it_is_given(invoke) -> None:
    result = invoke("check", "port.yaml", check=lambda port: ["sentinel-1: 209 scenes"])
    assert (result.exit_code, result.stdout) == (0, "sentinel-1: 209 scenes\n")


def test_scheduler_and_workers_exclude_each_other(invoke, tmp_path) -> None:
    result = invoke("run", "port.yaml", "--out", tmp_path, "--workers", 2, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_scheduler_that_is_not_there_is_named_and_exits_1(invoke, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("berthwatch.cluster.ANSWER_WITHIN_S", 1)
    result = invoke("run", "port.yaml", "--out", tmp_path, "--scheduler", "tcp://127.0.0.1:9", run=finished())
    assert result.exit_code == 1
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in result.stderr


def test_workers_bring_a_client_of_that_many_processes(invoke, tmp_path) -> None:
    seen = []

    def run(port, out, client=None, progress=None) -> PretendedResult:
        seen.append(len(client.scheduler_info(n_workers=-1)["workers"]))
        return PretendedResult(Path(out))

    assert invoke("run", "port.yaml", "--out", tmp_path, "--workers", 1, run=run).exit_code == 0
    assert seen == [1]


def test_export_names_each_file_it_wrote(invoke, tmp_path, monkeypatch) -> None:
    asked = []

    def export(run_folder, out, formats) -> tuple[Path, ...]:
        asked.append((run_folder, out, tuple(formats)))
        return (out,)

    monkeypatch.setitem(sys.modules, "berthwatch.export", SimpleNamespace(export=export))
    result = invoke("export", "port-run", "--to", "gpkg", "--out", "port.gpkg")
    assert (result.exit_code, result.stdout) == (0, "port.gpkg\n")
    assert asked == [(Path("port-run"), Path("port.gpkg"), ("gpkg",))]


@pytest.mark.parametrize(("term", "shown"), [("xterm", Bars), ("dumb", Told)])
def test_bars_are_drawn_where_the_terminal_can(monkeypatch, invoke, term: str, shown: type) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(start("plain", quiet=False, verbose=False), shown)


def test_traceback_is_a_field_of_a_json_record() -> None:
    try:
        raise RuntimeError("disk full")
    except RuntimeError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    assert "disk full" in json.loads(JsonFormatter().format(record))["traceback"]


@pytest.mark.parametrize("verb", ["run", "check"])
def test_missing_run_file_is_named_and_nothing_is_written(command_line, tmp_path, verb) -> None:
    out = tmp_path / "out"
    words = [verb, tmp_path / "nowhere.yaml", *(["--out", out] if verb == "run" else [])]
    result = command_line(*words)
    assert result.returncode == 2, result.stderr
    assert "nowhere.yaml" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()


def test_faults_of_a_run_file_name_key_and_line(command_line, tmp_path) -> None:
    file = tmp_path / "port.yaml"
    file.write_text("name: somewhere\nberths: berths.geojson\nsourses: []\n")
    result = command_line("check", file)
    assert result.returncode == 2, result.stderr
    assert "sourses" in result.stderr
    assert "port.yaml:3" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("verb", sorted(cli.main.commands))
def test_help_of_every_verb_ends_with_examples_that_name_it(invoke, verb) -> None:
    help_text, _, examples = invoke(verb, "--help").stdout.partition("\n  Examples:\n")
    assert "Usage: " in help_text
    assert f"berthwatch {verb} " in examples


def test_help_names_every_verb_and_exit_status(invoke) -> None:
    text = invoke("--help").stdout
    assert all(f"\n  {verb} " in text for verb in cli.main.commands)
    for status, meaning in {
        0: "done",
        2: "the input is wrong",
        3: "done, with scenes set aside",
        1: "anything else",
    }.items():
        assert f"    {status}  {meaning}" in text
    assert "NO_COLOR" in text


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_shell_is_told_how_to_complete(invoke, shell) -> None:
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert f"_BERTHWATCH_COMPLETE={shell}_complete" in result.stdout


def test_bash_completes_a_verb(tmp_path, monkeypatch) -> None:
    """The script itself is loaded by a real shell, and asked as the shell asks when the tab key is pressed."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    ask = (
        'eval "$(python -m berthwatch completion bash)"; berthwatch() { python -m berthwatch "$@"; }; '
        "COMP_WORDS=(berthwatch ev); COMP_CWORD=1; _berthwatch_completion berthwatch; echo ${COMPREPLY[@]}"
    )
    found = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.split() == ["evaluate", "evidence"]


def test_unknown_verb_exits_2(command_line) -> None:
    assert command_line("observe").returncode == 2


def test_version_is_said(command_line) -> None:
    assert command_line("--version").stdout == "berthwatch, version 0.1.0\n"
