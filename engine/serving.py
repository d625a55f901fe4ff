"""The live view as an application: the report, a run's looks as JSON and pictures, and one thing that can be written.

Nothing in an address is ever made into a path: berths, sources and scenes are words that are looked up among those of
the run. What is written is a correction, added to the run's file of corrections.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Body, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp

from berthwatch import __version__
from berthwatch.corrections import Correction, Said, add_correction, read_corrections
from berthwatch.errors import Fault, InputError
from berthwatch.guard import guarded
from berthwatch.live import LookTold, Place, looks_at, opened, places, stamp_of
from berthwatch.livepicture import Against, Picture, picture_of_look
from berthwatch.page import live_page
from berthwatch.page.folder import read_folder

Word = Annotated[str, Query(min_length=1, max_length=300)]
INTO_LIVE: Final = '<p><a href="live">Look through the scenes of each berth, and correct what is wrong</a></p>'
"""Set under the report's heading; all else of it is served as it lies in the folder."""


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the description of the interface says of answers other than the wanted one."""
    words = {
        400: "another Host, or a body that is no JSON",
        403: "sent by another site's page",
        404: "no such look in this run",
        409: "the run's files cannot be read",
        413: "a body too large",
        422: "not of this form",
    }
    content = {"application/json": {"schema": {"type": "object", "required": ["detail"], "properties": {"detail": {}}}}}
    return {status: {"description": words[status], "content": content} for status in statuses}


def _found[**P, T](look_up: Callable[P, T], *words: P.args, **more: P.kwargs) -> T:
    try:
        return look_up(*words, **more)
    except KeyError:
        raise HTTPException(404, "no such look in this run, or its pixels are not at hand") from None


def checked_run(run: Path) -> Path:
    """The folder of a run that ended, absolute.

    Raises
    ------
    InputError
        Files of it are missing or cannot be read, its corrections among them.
    """
    read_folder(run)
    read_corrections(run)
    if not (run / "report.html").is_file():
        raise InputError([Fault(str(run / "report.html"), "the report of a run", "no such file")])
    return run.resolve()


def prepare(run: Path) -> None:
    """Make one picture, so that all that is compiled or read once is there before the first is asked for."""
    for place in places(run):
        for look in looks_at(run, place.berth_id)[:1]:
            with contextlib.suppress(KeyError, InputError):
                picture_of_look(run, place.berth_id, look.source, look.scene_id, "usual")
            return


def application(run: Path, hosts: frozenset[str]) -> ASGIApp:
    """The live view of the run in a folder, for requests to these hosts."""
    app = FastAPI(title="berthwatch live view", version=__version__, docs_url=None, redoc_url=None)
    _pages(app, run)
    _interface(app, run)

    @app.exception_handler(InputError)
    def cannot_read(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 409)

    @app.exception_handler(RequestValidationError)
    def not_of_this_form(_: Request, error: Exception) -> Response:
        # Without what came: it may hold what cannot be written as UTF-8.
        assert isinstance(error, RequestValidationError)
        faults = [{"where": ".".join(map(str, each["loc"][:2])), "expected": each["msg"]} for each in error.errors()]
        text = json.dumps({"detail": faults}).encode()
        return Response(text, 422, media_type="application/json")

    return guarded(app, hosts)


def _pages(app: FastAPI, run: Path) -> None:
    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def report() -> str:
        return (run / "report.html").read_text(encoding="utf-8").replace("</h1>", f"</h1>\n{INTO_LIVE}", 1)

    @app.get("/live", response_class=HTMLResponse, include_in_schema=False)
    def live() -> str:
        return live_page(opened(run, stamp_of(run))[0].port)


def _interface(app: FastAPI, run: Path) -> None:
    @app.get("/api/berths", responses=_answers(400, 409))
    def berths() -> list[Place]:
        """Berths and controls, in the order of the run file."""
        return places(run)

    @app.get("/api/looks", responses=_answers(400, 404, 409, 422))
    def looks(berth: Word) -> list[LookTold]:
        """All looks at a berth in order of time."""
        return _found(looks_at, run, berth)

    @app.get("/api/picture", responses=_answers(400, 404, 409, 422))
    def picture(berth: Word, source: Word, scene: Word, against: Against = "usual") -> Picture:
        """The picture of one look, with its outlines and its change."""
        return _found(picture_of_look, run, berth, source, scene, against)

    @app.get("/api/corrections", responses=_answers(400, 409))
    def corrections() -> list[Correction]:
        """All corrections, in the order in which they were said."""
        return list(read_corrections(run).all)

    @app.post("/api/corrections", status_code=201, responses=_answers(400, 403, 404, 409, 413, 422))
    def correct(said: Annotated[Said, Body()]) -> Correction:
        """Say of a look whether its berth was occupied. The next run uses it."""
        known = _found(looks_at, run, said.berth_id)
        if not any((look.source, look.scene_id) == (said.source, said.scene_id) for look in known):
            raise HTTPException(404, "no such look in this run")
        return add_correction(run, said)
