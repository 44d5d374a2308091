"""Studies come back from their store without their code: the same table, verdict and page."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from steepest import rules
from steepest.core.errors import InputError, StoreError
from steepest.lab import compare, load
from steepest.lab.report_data import report_data
from steepest.lab.store import Store
from steepest.report import render

SMALL = {"trials": 3, "steps": 8, "seeds": 3, "jobs": 1}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


def test_a_study_comes_back_with_the_same_page(where: Path):
    made = compare(tiny.line(), ["sgd", "adam"], schedule=["constant", "cosine"], store=where, **SMALL)
    found = load(Store(where))
    assert found.spec == made.spec and found.runs == made.runs and found.choices == made.choices
    assert found.table() == made.table() and found.sentence == made.sentence and found.about == made.about
    assert render(report_data(found)) == render(report_data(made))


def test_runs_that_failed_are_part_of_it_though_the_store_keeps_none(where: Path):
    class Raises:
        name, text, facts = "raises", "raises()", rules.sgd(lr=1.0).facts

        def start(self, tensors, *, seed):
            if seed == 1001:
                raise MemoryError("too large")
            return rules_stepper(tensors)

    def rules_stepper(tensors):
        from steepest.engines import RuleStepper

        return RuleStepper(rules.sgd(lr=0.05), tensors)

    made = compare(tiny.line(), {"raises": Raises(), "sgd": rules.sgd(lr=0.05)}, store=where, **SMALL)
    found = load(Store(where))
    assert [run.error for run in found.runs] == [run.error for run in made.runs] and found.table() == made.table()
    assert any(run.failed and "too large" in run.error for run in found.runs)
    assert render(report_data(found)) == render(report_data(made))


def test_the_newest_is_taken_or_the_one_that_is_asked_for(where: Path):
    compare(tiny.line(), ["sgd"], store=where, **SMALL)
    compare(tiny.line(), ["sgd", "adam"], store=where, **SMALL)
    store = Store(where)
    assert [record.name for record in store.studies()] == ["line", "line"]
    assert load(store).spec.methods == ("sgd", "adam") == load(store, 1).spec.methods
    assert load(store, 2).spec.methods == ("sgd",)
    for number in (0, 3, -1):
        with pytest.raises(InputError, match=rf"study must be in \[1, 2\], got {number}"):
            load(store, number)


def test_the_same_study_again_is_one_study(where: Path):
    for _ in range(2):
        compare(tiny.line(), ["sgd"], store=where, **SMALL)
    assert len(Store(where).studies()) == 1 and load(Store(where)).about.trained == 0


def test_a_stopped_study_says_how_to_go_on(where: Path):
    with pytest.raises(KeyboardInterrupt):
        compare("bowl", ["sgd"], store=where, progress=tiny.Counter(2), **SMALL)
    with pytest.raises(StoreError, match=f"bowl.* is not finished; go on with: steepest compare bowl .*{where.name}"):
        load(Store(where))
    compare("bowl", ["sgd"], store=where, **SMALL)
    assert load(Store(where)).spec.problem == "bowl"


def test_stopping_an_extension_leaves_the_finished_study(where: Path):
    compare("bowl", ["sgd"], store=where, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        compare("bowl", ["sgd", "adam"], store=where, progress=tiny.Counter(2), **SMALL)
    assert load(Store(where)).spec.methods == ("sgd",)


def test_a_store_without_a_study_says_so(where: Path):
    with pytest.raises(StoreError, match="holds no study"):
        load(Store(where))
