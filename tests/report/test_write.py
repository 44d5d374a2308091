from __future__ import annotations

import os
from pathlib import Path

import pytest
import sample_reports as sample

from steepest.core.errors import InputError
from steepest.report import check_writable, render, write


def page() -> str:
    return render(sample.minimal())


def test_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    old = '<!doctype html>\n<meta name="generator" content="steepest">'
    path.write_text(old)
    check_writable(path)
    assert path.read_text() == old
    write(sample.minimal(), path)
    assert path.read_text(encoding="utf-8") == page()
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.parametrize("where", ["missing/report.html", "file.txt/report.html"])
def test_an_unwritable_path_is_one_clear_line(tmp_path: Path, where: str) -> None:
    (tmp_path / "file.txt").touch()
    path = tmp_path / where
    for act in (check_writable, lambda p: write(sample.minimal(), p)):
        with pytest.raises(InputError, match=r"^report: path must be writable, got '.*' \([A-Z].*\)$"):
            act(path)
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("kind", ["file", "late", "binary", "fifo", "folder"])
def test_what_is_no_report_is_neither_opened_nor_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine"
    contents = {"file": b"# my notes", "late": b" " * 3000 + page().encode(), "binary": b"\xff\x00"}
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(contents[kind])
    before = path.lstat()
    for act in (check_writable, lambda p: write(sample.minimal(), p)):
        with pytest.raises(InputError, match=r"^report: path must be a new file or an earlier report, got '.*mine'$"):
            act(path)
    assert path.lstat().st_ino == before.st_ino and path.lstat().st_size == before.st_size
    assert os.listdir(tmp_path) == ["mine"]


def test_an_earlier_report_and_an_empty_file_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.touch()
    for _ in range(2):
        write(sample.minimal(), path)
        assert path.read_text(encoding="utf-8") == page()
