"""What `steepest verify` says, counts, writes and ends with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steepest.cli import main
from steepest.cli.verifying import Verification, page
from steepest.core.errors import InputError, UnknownNameError
from steepest.lab import verify as module


def verified(names, figures=None, quick=False):
    lines: list[str] = []
    verification = Verification(names, figures, quick, say=lines.append)
    return verification.run(), lines, verification


def test_it_says_what_it_found_and_writes_the_figures(tmp_path):
    path = tmp_path / "rates.html"
    broken, lines, _ = verified(["frank-wolfe", "damped-newton"], str(path))
    assert broken == 0 and lines[0] == "damped-newton"
    assert "  attained       damped-newton-decrease        x − ln x from 2.5, k ≤ 5" in lines
    assert lines[-3].startswith("  within 2.963   frank-wolfe ") and lines[-3].endswith("½‖x‖² on a simplex, k ≤ 40")
    assert lines[-2:] == ["3 runs: 1 attained, 0 broken", f"figures: {path}"]
    text = path.read_text(encoding="utf-8")
    assert text.count("plotly-graph-div") >= 3 and "frank-wolfe" in text and 'src="http' not in text
    assert text.count("<figure class='held'>") == 2 and text.count("<figure class='attained'>") == 1
    assert text.count("plotly.js v") == 1, "the library is in it once"
    assert verified(["frank-wolfe"], str(path))[1][-1] == f"figures: {path}", "an earlier page may be replaced"
    assert "damped-newton" not in path.read_text(encoding="utf-8")


def test_families_come_once_and_in_the_order_of_the_list():
    _, lines, _ = verified(["newton", "gradient-descent", "damped-newton"], quick=True)
    assert [line for line in lines if not line.startswith(" ")][:-1] == ["gradient-descent", "newton", "damped-newton"]


def test_quick_takes_one_run_a_theorem():
    _, lines, verification = verified(["gradient-descent"], quick=True)
    names = [item.case.theorem for item in verification.done]
    assert len(names) == len(set(names)) == verification.total < Verification(["gradient-descent"], None, False).total
    assert lines[-1].startswith(f"{len(names)} runs: ")


def test_what_is_broken_is_counted_and_ends_with_status_1(monkeypatch, capsys):
    honest = module.check
    monkeypatch.setattr(module, "check", lambda case: replace(honest(case), outcome="broken", why="planted"))
    broken, lines, _ = verified(["frank-wolfe"])
    assert broken == 1 and lines[1].split()[:2] == ["broken", "frank-wolfe"] and lines[2] == "      planted"
    assert lines[-1].endswith("1 broken")
    assert main(["verify", "frank-wolfe"]) == 1 and "1 broken" in capsys.readouterr().out


def test_worst_cases_and_what_no_run_covers_count_too(monkeypatch):
    checked = module.TableCheck("a row", ("gd-convex",), (), ("gd-convex at N = 3: 0.1 < worst case 0.2",))
    monkeypatch.setattr(module, "chosen", lambda names=(), *, quick=False: ())
    monkeypatch.setattr(module, "check_table", lambda *, quick: iter([checked]))
    monkeypatch.setattr(module, "uncovered", lambda: ("gd-new",))
    broken, lines, _ = verified([])
    assert broken == 2
    assert "  a row: broken: gd-convex at N = 3: 0.1 < worst case 0.2" in lines
    assert "  gd-new: broken: no run is held against it" in lines
    assert lines[-1] == "0 runs and 1 row of worst cases: 0 attained, 2 broken"


def test_a_broken_case_is_marked_in_the_page(monkeypatch):
    item = next(module.verify(["frank-wolfe"]))
    assert "<figure class='broken'>" in page([replace(item, outcome="broken", why="planted")])


def test_the_command(capsys):
    assert main(["verify", "gd-convex", "--quick"]) == 0
    assert "attained       gd-convex" in capsys.readouterr().out


def test_ctrl_c_says_how_far_it_came(monkeypatch, capsys):
    honest = module.check
    seen = []

    def check(case):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(case)
        return honest(case)

    monkeypatch.setattr(module, "check", check)
    assert main(["verify", "gradient-descent"]) == 130
    assert capsys.readouterr().err.startswith("steepest: stopped after 2 of ")


def test_what_is_refused_is_refused_before_anything_runs(tmp_path, capsys):
    with pytest.raises(InputError, match=r"verify: figures must be writable, got .*No such file"):
        verified(["gd-convex"], str(tmp_path / "missing" / "rates.html"))
    with pytest.raises(InputError, match="verify: figures must be a new file or an earlier report, got"):
        verified(["gd-convex"], str(tmp_path))
    notes = tmp_path / "notes.html"
    notes.write_text("<p>mine</p>")
    with pytest.raises(InputError, match="verify: figures must be a new file or an earlier report"):
        verified(["gd-convex"], str(notes))
    assert notes.read_text() == "<p>mine</p>"
    with pytest.raises(UnknownNameError, match="unknown theorem or family 'gd-convexx'; did you mean gd-convex"):
        verified(["gd-convexx"])
    assert main(["verify", "gd-convexx"]) == 2
    assert not capsys.readouterr().out
