"""Whether a run's folder, and what it was made from, are still what its record says: every hash worked out anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from berthwatch.corrections import FILE
from berthwatch.errors import Fault, InputError
from berthwatch.fingerprint import PIXELS, fingerprint, local_files, sha256
from berthwatch.provenance import RECORD, read_record
from berthwatch.scene import list_scenes
from berthwatch.store import exists, snapshot_id

if TYPE_CHECKING:
    from berthwatch.config import Port
    from berthwatch.model import Scene


def verify(run: str | Path, port: "Port | None" = None) -> tuple[list[str], list[Fault]]:
    """Compare a run's outputs, cubes, corrections and, where its run file is named, inputs with the record.

    Parameters
    ----------
    run : str or Path
        A folder as `run` wrote it.
    port : Port, optional
        As `read_port` reads it now; without it, run file and scenes are not looked at.

    Returns
    -------
    said : list of str
        What was compared and agrees, and what could not be compared.
    differs : list of Fault
        What is not as recorded, each with what was expected and what came.

    Raises
    ------
    InputError
        There is no record of a run that ended.

    >>> try:
    ...     verify("no-such-run")
    ... except InputError as error:
    ...     print(error.faults[0].expected)
    the record of a run that ended
    """
    run = Path(run)
    record = read_record(run)
    if record is None or "outputs" not in record:
        raise InputError([Fault(str(run / RECORD), "the record of a run that ended", "none there")])
    outputs = list(_outputs(run, record["outputs"]))
    cubes = list(_cubes(run, record.get("snapshots") or {}))
    corrections = list(_corrections(run, record.get("corrections_sha256")))
    said = [
        f"outputs: {len(record['outputs']) - len(outputs)} of {len(record['outputs'])} as recorded",
        f"cubes: {len(record.get('snapshots') or {}) - len(cubes)} of {len(record.get('snapshots') or {})} as recorded",
    ]
    if record.get("corrections_sha256") and not corrections:
        said.append("corrections: as recorded")
    differs = outputs + cubes + corrections
    if port is None:
        return [*said, "run file and scenes: not looked at, for no run file was named"], differs
    run_file = list(_run_file(port, record))
    scenes, untold, total = _scenes(port, record)
    said += [f"run file and the files it names: {'not as recorded' if run_file else 'as recorded'}"]
    said += [f"scenes: {total - len(scenes) - untold} of {total} as recorded"]
    said += [f"scenes of remote files, which have no hash of their own: {untold} not looked at"] if untold else []
    return said, differs + run_file + scenes


def _outputs(run: Path, hashes: dict[str, str]) -> Iterator[Fault]:
    for name, digest in sorted(hashes.items()):
        path = run / name
        came = sha256(path) if path.is_file() else "no such file"
        if came != digest:
            yield Fault(str(path), f"SHA-256 {digest}", came)


def _cubes(run: Path, snapshots: dict[str, str | None]) -> Iterator[Fault]:
    for source, snapshot in sorted(snapshots.items()):
        path = run / "cube" / source
        came = snapshot_id(path) if snapshot is not None and exists(path) else None
        if came != snapshot:
            yield Fault(str(path), f"snapshot {snapshot}", came or "no cube")


def _corrections(run: Path, recorded: str | None) -> Iterator[Fault]:
    """What persons said of looks: that of the run, and nothing since."""
    came = sha256(run / FILE) if (run / FILE).is_file() else None
    if came != recorded:
        expected = f"SHA-256 {recorded}" if recorded else "no corrections, for the run used none"
        yield Fault(str(run / FILE), expected, f"{came} (run again to use them)" if came else "no such file")


def _run_file(port: "Port", record: dict[str, Any]) -> Iterator[Fault]:
    """The run file, and the files it names."""
    if port.digest != record.get("run_file_sha256"):
        yield Fault(str(port.path), f"SHA-256 {record.get('run_file_sha256')}", port.digest)
    recorded = record.get("files_sha256") or {}
    for key in sorted(recorded.keys() | port.named.keys()):
        was, came = (found.get(key, "no such file") for found in (recorded, port.named))
        if came != was:
            yield Fault(f"{port.path}, {key}", f"SHA-256 {was}", came)


def _scenes(port: "Port", record: dict[str, Any]) -> tuple[list[Fault], int, int]:
    """Scenes whose files differ or are gone, how many have no hash of files, and how many there are."""
    recorded = {source["source"]: source["scenes"] for source in record.get("sources") or []}
    found: dict[str, dict[str, Scene]] = {}
    bands = {source.name: source.bands for source in port.sources}
    for source in port.sources:
        listed, _ = list_scenes(source, port.path.parent, port.bounds)
        found[source.name] = {scene.scene_id: scene for scene in listed}
    faults, untold, total = [], 0, 0
    for name, scenes in recorded.items():
        for scene in scenes:
            total += 1
            if scene["sha256"].startswith(PIXELS):
                untold += 1
                continue
            came = _digest(found.get(name, {}).get(scene["scene_id"]), bands.get(name, ()))
            if came != scene["sha256"]:
                faults.append(Fault(f"scene {scene['scene_id']} of {name}", f"SHA-256 {scene['sha256']}", came))
    return faults, untold, total


def _digest(scene: "Scene | None", bands: tuple[str, ...]) -> str:
    if scene is None:
        return "no such scene"
    try:
        files = local_files(scene, bands)
        return fingerprint(files)[0] if files else "remote files"
    except OSError as error:
        return str(error)
