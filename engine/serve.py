"""The verb `serve`: a run's report and live view on this machine, until it is told to end."""

import contextlib
import logging
import socket
import threading
from pathlib import Path

import click

from berthwatch.terminal import examples, exit_status, start, verbose_option

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_log = logging.getLogger("berthwatch.cli")


@click.command(
    epilog=examples(
        "berthwatch serve port-run",
        "berthwatch serve port-run --port 0                 any port that is free",
        "ssh -L 8000:localhost:8000 machine berthwatch serve port-run",
    )
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of this machine to listen on.")
@verbose_option
def serve(run_folder: Path, port: int, host: str, verbose: bool) -> None:
    """Show a RUN in the browser: its report, and every scene of every berth, to look through and correct.

    Corrections are kept in corrections.jsonl in the run's folder, with who and when, and the next run uses them as
    evidence. Nothing else is written, and nothing outside the run is read. Only this machine can see it, unless --host
    says otherwise. It needs what `pip install berthwatch[serve]` brings.
    """
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.errors import Fault, InputError

        try:
            import uvicorn

            from berthwatch.serving import application, checked_run, prepare
        except ModuleNotFoundError as error:
            if error.name not in ("fastapi", "starlette", "uvicorn"):
                raise
            needed = "what `pip install berthwatch[serve]` brings"
            raise InputError([Fault("berthwatch serve", needed, f"no module named {error.name!r}")]) from None
        run = checked_run(run_folder)
        name = f"[{host}]" if ":" in host else host.lower()
        if name not in LOOPBACK:
            _log.warning("whoever can reach %s can read this run and correct it: there is no password", name)
        with _listening(host, port) as listener:
            address = f"http://{name}:{listener.getsockname()[1]}"
            click.echo(f"report: {address}/\nlive view: {address}/live\nCtrl-C ends it")
            app = application(run, LOOPBACK | {name})
            threading.Thread(target=prepare, args=(run,), daemon=True).start()
            settings = uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                limit_concurrency=64,
            )
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(settings).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises
    ------
    InputError
        The address is not this machine's, or the port is taken.
    """
    from berthwatch.errors import Fault, InputError

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        where, expected = f"--host {host} --port {port}", "an address of this machine and a port that is free"
        raise InputError([Fault(where, expected, error.strerror or str(error))]) from error
