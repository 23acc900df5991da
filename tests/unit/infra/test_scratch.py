"""The emulator's scratch folder: in memory where there is room, and gone when it is removed."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.local.scratch import make_scratch, remove_scratch

GIGABYTE = 1024**3


@pytest.fixture
def memory_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk with room for everything."""
    disk = tmp_path / "memory"
    disk.mkdir()
    set_room(monkeypatch, disk=64, memory=64)
    return disk


def set_room(monkeypatch: pytest.MonkeyPatch, *, disk: int, memory: int, flags: int = 0) -> None:
    """Say how many gigabytes are free, and how the disk is mounted."""
    status = SimpleNamespace(f_bavail=disk, f_frsize=GIGABYTE, f_flag=flags)
    monkeypatch.setattr("os.statvfs", lambda _path: status)
    free = SimpleNamespace(available=memory * GIGABYTE)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)


def test_it_is_in_memory_where_there_is_room(tmp_path: Path, memory_disk: Path) -> None:
    place = tmp_path / "stack" / "tmp"
    make_scratch(place, memory_disk)
    (place / "file").touch()
    (folder,) = memory_disk.iterdir()
    assert (folder / "file").exists()
    make_scratch(place, memory_disk)
    assert not list(place.iterdir()), "a new one is empty"
    assert len(list(memory_disk.iterdir())) == 1
    remove_scratch(place)
    assert not place.is_symlink()
    assert not list(memory_disk.iterdir())


@pytest.mark.parametrize(
    ("disk", "memory", "flags"),
    [
        pytest.param(7, 64, 0, id="a small disk"),
        pytest.param(64, 7, 0, id="little memory"),
        pytest.param(64, 64, os.ST_NOEXEC, id="code cannot be loaded from it"),
    ],
)
def test_it_is_an_ordinary_folder_elsewhere(
    tmp_path: Path,
    memory_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    disk: int,
    memory: int,
    flags: int,
) -> None:
    set_room(monkeypatch, disk=disk, memory=memory, flags=flags)
    place = tmp_path / "stack" / "tmp"
    make_scratch(place, memory_disk)
    (place / "file").touch()
    assert not place.is_symlink()
    assert not list(memory_disk.iterdir())
    remove_scratch(place)
    assert not place.exists()


def test_a_machine_without_such_a_disk_has_an_ordinary_folder(tmp_path: Path) -> None:
    make_scratch(tmp_path / "tmp", tmp_path / "nowhere")
    assert (tmp_path / "tmp").is_dir()


def test_a_link_whose_folder_is_gone_is_replaced(tmp_path: Path, memory_disk: Path) -> None:
    place = tmp_path / "tmp"
    place.symlink_to(memory_disk / "of an earlier start")
    make_scratch(place, memory_disk)
    assert place.is_dir()
