"""Where the emulator unpacks the functions' code: some hundred megabytes, soon deleted again.

In memory, if the machine has enough of it: each worker that starts unpacks an artifact, and on a
disk that takes longer than all else that it does.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

MEMORY_DISK: Final = Path("/dev/shm")
# A stack with all of its workers started takes one of them.
_ROOM_BYTES: Final = 8 * 1024**3
_PREFIX: Final = "threadrunner-"


def make_scratch(place: Path, memory_disk: Path = MEMORY_DISK) -> None:
    """Make a folder, empty, or a link to one on the memory's disk.

    Args:
        place: the folder; what is there is deleted.
        memory_disk: where the memory's disk would be.
    """
    remove_scratch(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    if _is_roomy(memory_disk):
        place.symlink_to(tempfile.mkdtemp(prefix=_PREFIX, dir=memory_disk))
    else:
        place.mkdir()


def remove_scratch(place: Path) -> None:
    """Delete such a folder with all that is in it, if it is there."""
    if place.is_symlink():
        shutil.rmtree(place.readlink(), ignore_errors=True)
        place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


def _is_roomy(disk: Path) -> bool:
    """Whether much can be written there, and code be loaded from there."""
    if not disk.is_dir() or not os.access(disk, os.W_OK):
        return False
    status = os.statvfs(disk)
    room = min(status.f_bavail * status.f_frsize, psutil.virtual_memory().available)
    return room >= _ROOM_BYTES and not status.f_flag & os.ST_NOEXEC
