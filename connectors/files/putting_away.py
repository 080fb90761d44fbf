"""What becomes of a file that was read: archive, quarantine with the reason beside it, or deletion. Each step may be repeated."""

from __future__ import annotations

from typing import Any

from connectors.files.config import Reading
from connectors.files.position import Taken
from hub.errors import RetryLater
from hub.sdk.files import Folder


def put_away(folder: Folder, spec: Reading, stream: str, file: Taken, log: Any) -> None:
    """Move a file to where it belongs. One that is not there any more, or is another one by now, is left alone."""
    source = f"{spec.path}/{file.name}"
    found = folder.stat(source)
    if found is not None and found.stamp == file.stamp:
        if file.to == "delete":
            folder.remove(source)
        else:
            _move(folder, spec, stream, file, source, log)
    elif found is not None:
        log.warning("files.replaced", file=file.name, stream=stream)
    if spec.done_suffix and (found is None or found.stamp == file.stamp):
        folder.remove(source + spec.done_suffix)


def _move(folder: Folder, spec: Reading, stream: str, file: Taken, source: str, log: Any) -> None:
    place = f"{spec.path}/{spec.quarantine if file.to == 'quarantine' else spec.archive}"
    target = f"{place}/{file.put_away_as()}"
    folder.make_folder(place)
    if file.to == "quarantine":
        folder.write(f"{target}.reason.txt", [_reason(stream, file).encode()])
    if not folder.rename(source, target):
        return
    moved = folder.stat(target)
    if moved is not None and moved.stamp != file.stamp:
        # Between the look and the move somebody put a new file there, and nobody has read that one.
        folder.rename(target, source)
        log.warning("files.replaced", file=file.name, stream=stream)
        raise RetryLater(f"{file.name} was replaced while it was put away; the new one is read next")


def _reason(stream: str, file: Taken) -> str:
    taken = f"Its first {file.rows} rows were taken." if file.rows else "Nothing of it was taken."
    faults = "".join(f"- {fault}\n" for fault in file.why)
    return (
        f"{file.name} could not be read as a file of the stream {stream}.\n{taken}\n\n{faults}\n"
        "Correct it, and put it into the folder again: records that were taken before are recognised by their id.\n"
    )
