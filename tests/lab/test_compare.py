"""A study end to end: what it trains, what it keeps, what it says, and what it refuses."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

import steepest
from steepest import rules, schedules
from steepest.core.errors import SteepestError
from steepest.formula import rule
from steepest.lab import RunFinished, StudyFinished, StudyStarted, compare
from steepest.problems import TrainingProblem, get
from steepest.statistics import median_interval

METHODS = ["sgd", "adam"]
SMALL = {"trials": 4, "steps": 8, "seeds": 3, "jobs": 1}
ADAM = 4 + 3 * 2 + 3 + 3 + 6 * 3
"""Trials, confirmations, judging, its default setting, and six learning rates about the chosen one."""
SGD = ADAM - 3 - 4
"""It has no default setting, and of its rates a decade above and below one was a trial, the other confirmed, too."""
RUNS = SGD + ADAM


def scores(study) -> dict[tuple, dict[str, float]]:
    return {(r.method, r.seed, tuple(r.setting.items())): dict(r.scores) for r in study.runs}


def test_a_study_has_the_runs_it_declares_and_judges_on_seeds_that_tuning_never_saw():
    study = compare(tiny.line(), METHODS, **SMALL)
    phases = [r.phase for r in study.runs]
    counts = [phases.count(p) for p in ("tune", "confirm", "final", "default", "rates")]
    assert counts == [8, 12, 6, 3, 32] and len(study.runs) == RUNS == len({r.key for r in study.runs})
    tuning = {r.seed for r in study.runs if r.phase in ("tune", "confirm", "rates")}
    assert tuning == {0, 1, 2} == set(study.spec.tuning_seeds)
    assert {r.seed for r in study.finals} == set(study.spec.fresh_seeds) and not tuning & set(study.spec.fresh_seeds)


def test_the_winner_of_tuning_has_the_least_median_validation_loss_of_the_best_three():
    study = compare(tiny.line(), METHODS, **SMALL)
    for name in METHODS:
        by_setting: dict[tuple, dict[int, float]] = {}
        for r in study.runs:
            if r.method == name and r.phase in ("tune", "confirm"):
                by_setting.setdefault(tuple(r.setting.items()), {})[r.seed] = r.scores["validation_loss"]
        best = sorted(by_setting, key=lambda s: by_setting[s][0])[:3]
        assert {s for s in by_setting if len(by_setting[s]) == 3} == set(best)
        chosen = min(best, key=lambda s: np.median(list(by_setting[s].values())))
        assert tuple(study.choice(name).setting.items()) == chosen
        assert {tuple(r.setting.items()) for r in study.finals if r.method == name} == {chosen}


def test_methods_are_judged_by_test_loss_where_there_is_one_else_by_validation_loss_or_value():
    study = compare(tiny.line(), METHODS, **SMALL)
    assert study.judged_by == "test_loss"
    for name in METHODS:
        expected = [r.scores["test_loss"] for r in sorted(study.finals, key=lambda r: r.seed) if r.method == name]
        assert study.scores[name] == expected
        result = next(row for row in study.table() if row.method == name)
        assert result.score.estimate == np.median(expected) and result.metric is None
    assert compare(tiny.line(test=False), ["sgd"], **SMALL).judged_by == "validation_loss"
    assert compare("bowl", ["sgd"], **SMALL).judged_by == "value"


def test_all_methods_see_the_same_weights_and_batches_on_a_seed_and_share_learning_rate_points():
    study = compare(tiny.line(), {"a": rules.sgd, "b": rules.sgd, "c": rules.adam}, **SMALL)
    starts = {}
    for r in study.runs:
        trace = study.trace(r)
        first = (trace.steps["value"][0], trace.evaluations["validation_loss"][0])
        assert starts.setdefault(r.seed, first) == first
    assert len(set(starts.values())) == len(starts) == 6
    assert study.scores["a"] == study.scores["b"]
    units = {
        name: [space.dimensions[0].position(r.setting["lr"]) for r in study.trials(name)]
        for name, space in study.spec.spaces.items()
    }
    assert units["a"] == units["b"] == pytest.approx(units["c"], abs=2e-4)


def test_one_job_and_two_give_the_same_bits():
    methods = ["sgd", "adam", functools.partial(torch.optim.SGD, momentum=0.5)]
    one = compare(tiny.line(), methods, trials=2, steps=8, seeds=2, jobs=1)
    two = compare(tiny.line(), methods, trials=2, steps=8, seeds=2, jobs=2)
    assert scores(one) == scores(two) and one.sentence == two.sentence
    assert {r.status for r in two.runs if r.phase != "rates"} == {"max_steps"}


def test_the_same_study_trains_nothing_again_and_says_so(tmp_path: Path):
    first = compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", **SMALL)
    watch = tiny.Counter()
    again = compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    assert (watch.trained, watch.stored) == (0, RUNS)
    begun = next(e for e in watch.events if isinstance(e, StudyStarted))
    assert (begun.total, begun.stored) == (RUNS, RUNS)
    assert next(e for e in watch.events if isinstance(e, StudyFinished)).trained == 0
    assert scores(again) == scores(first) and again.runs == first.runs


@pytest.mark.parametrize("stop", [1, 5, 13, 24])
def test_a_stopped_study_goes_on_where_it_stopped(tmp_path: Path, stop: int):
    whole = compare(tiny.line(), METHODS, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", progress=tiny.Counter(stop), **SMALL)
    watch = tiny.Counter()
    study = compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    assert (watch.trained, watch.stored) == (RUNS - stop, stop)
    assert next(e for e in watch.events if isinstance(e, StudyStarted)).stored == stop
    assert scores(study) == scores(whole)


def test_stopping_with_two_jobs_keeps_what_was_finished(tmp_path: Path):
    options = {**SMALL, "jobs": 2}
    with pytest.raises(KeyboardInterrupt):
        compare(tiny.line(), ["sgd"], store=tmp_path / "s.sqlite", progress=tiny.Counter(3), **options)
    watch = tiny.Counter()
    compare(tiny.line(), ["sgd"], store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    assert watch.stored == 3 and watch.trained == SGD - 3


def test_more_seeds_methods_or_trials_train_only_what_is_new(tmp_path: Path):
    def trained(methods: list[str], **changes: int) -> int:
        watch = tiny.Counter()
        compare(tiny.line(), methods, store=tmp_path / "s.sqlite", progress=watch, **{**SMALL, **changes})
        return watch.trained

    assert trained(METHODS) == RUNS
    assert trained(METHODS, seeds=5) == 2 * 2 + 2
    assert trained([*METHODS, "adagrad"], seeds=5) == ADAM + 2 * 2 - 3  # one of its rates was confirmed
    before = compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", **SMALL)
    after = compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", **{**SMALL, "trials": 6})
    for name in METHODS:
        assert after.trials(name)[:4] == before.trials(name) and len(after.trials(name)) == 6
    old, new = {r.key for r in before.runs}, {r.key for r in after.runs}
    assert after.about.trained == len(new - old)


def test_other_steps_schedules_problems_and_code_are_other_runs(tmp_path: Path):
    def trained(problem: object = None, **changes: object) -> int:
        watch = tiny.Counter()
        problem = tiny.line() if problem is None else problem
        compare(problem, ["sgd"], store=tmp_path / "s.sqlite", progress=watch, **{**SMALL, **changes})
        return watch.trained

    assert trained() == SGD and trained() == 0
    assert trained(steps=9) == SGD and trained(schedule="cosine") == SGD
    other = TrainingProblem("line", tiny.model, tiny.loss, tiny.data(64, 5), tiny.data(20, 1), batch_size=16)
    assert trained(other) == SGD


def test_stored_runs_take_the_name_that_this_study_gives_their_method(tmp_path: Path):
    compare(tiny.line(), {"first": rules.sgd}, store=tmp_path / "s.sqlite", **SMALL)
    watch = tiny.Counter()
    study = compare(tiny.line(), {"second": rules.sgd}, store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    assert watch.trained == 0 and {r.method for r in study.runs} == {"second"}
    assert all(math.isfinite(x) for x in study.scores["second"])


def test_a_method_that_always_diverges_ranks_last_with_infinite_scores():
    study = compare(tiny.line(), {"wild": rules.sgd(lr=1e9), "sgd": rules.sgd(lr=0.05)}, **SMALL)
    last = study.table()[-1]
    assert (last.method, last.score.estimate, last.diverged, last.failed) == ("wild", math.inf, 3, 0)
    assert last.setting is None and last.remarks == ("every trial diverged",)
    assert study.best().method == "sgd"


def test_a_method_that_raises_is_a_failed_run_with_its_reason_and_is_tried_again(tmp_path: Path):
    def raising() -> object:
        return Raising()

    watch = tiny.Counter()
    options = {**SMALL, "store": tmp_path / "s.sqlite"}
    study = compare(tiny.line(), [raising, rules.sgd(lr=0.05)], progress=watch, **options)
    failed = [r for r in study.runs if r.method == "raising"]
    assert [r.status for r in failed] == ["failed"]
    assert "ZeroDivisionError: the third step" in failed[0].error and "test_compare.py:" in failed[0].error
    assert study.table()[-1].failed == 3 and "every trial failed: " in study.table()[-1].remarks[0]
    again = tiny.Counter()
    compare(tiny.line(), [raising, rules.sgd(lr=0.05)], progress=again, **options)
    assert again.trained == 1 and again.stored == 1 + 3


class Raising:
    """A method whose third step raises."""

    name, text, facts = "raising", "raising()", rules.sgd(lr=1.0).facts

    def start(self, tensors: object, *, seed: int) -> Raising:
        self.count = 0
        return self

    def step(self, oracle: object) -> object:
        self.count += 1
        if self.count == 3:
            raise ZeroDivisionError("the third step")
        oracle.value_and_gradient()
        return steepest.core.stepper.StepReport(self.count)

    def evaluating(self) -> object:
        return __import__("contextlib").nullcontext()


def test_runs_that_do_not_depend_on_the_seed_are_one_run_and_no_test():
    study = compare("bowl", METHODS, trials=4, steps=50, seeds=10, jobs=1)
    assert study.seedless and study.verdict.p_adjusted == {} and "nothing to test" in study.sentence
    assert [row.method for row in study.table()] == ["sgd", "adam"]


def test_a_seeded_problem_with_ten_seeds_gets_a_verdict_with_p_values():
    methods = {"slow": rules.sgd(lr=1e-3), "fast": rules.sgd(lr=0.1)}
    study = compare(tiny.line(), methods, trials=1, steps=8, seeds=10, jobs=1)
    assert study.best().method == "fast" and study.verdict.p_adjusted["slow"] == pytest.approx(2**-9)
    assert "fast is best" in study.sentence and study.table()[1].tied is False


def test_schedules_shape_every_run():
    study = compare(tiny.line(), ["sgd", torch.optim.SGD], schedule="cosine", **SMALL)
    for r in study.runs:
        rates = study.trace(r).steps["learning_rate"][1:]
        peak = r.setting["lr"]
        np.testing.assert_allclose(rates, [schedules.cosine(peak, 8)(k) for k in range(8)], rtol=1e-6)


@pytest.mark.parametrize("family", ["constant", "cosine", "step", "warmup-cosine"])
@pytest.mark.parametrize("steps", [2, 7])
def test_every_schedule_covers_runs_of_any_length(family: str, steps: int):
    compare(tiny.line(), ["sgd"], trials=1, steps=steps, seeds=1, jobs=1, schedule=family)


def test_a_quick_study_is_smaller_and_says_that_it_is_a_look():
    study = compare(tiny.line(), ["sgd"], quick=True, steps=5, jobs=1)
    assert (study.spec.trials, study.spec.steps, study.spec.seeds) == (6, 5, 3)
    assert "a quick look, not a claim" in study.sentence


def test_the_report_is_a_page_with_the_verdict(tmp_path: Path):
    study = compare(tiny.line(), METHODS, report=tmp_path / "r.html", **SMALL)
    page = (tmp_path / "r.html").read_text()
    assert study.spec.problem in page and page.count("<script") >= 3 and "1000 to 1002" in page
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_the_public_function_is_the_same():
    assert steepest.compare is compare


@rule
def misspelt(u):
    return u * nowhere  # noqa: F821


@rule
def doubled(u):
    return u, u


class Reportless(Raising):
    """A method whose step returns nothing."""

    def step(self, oracle: object) -> None:
        oracle.value_and_gradient()


def test_a_report_may_not_replace_the_code_of_the_study(tmp_path: Path):
    path = tmp_path / "m.py"
    path.write_text("from steepest import rules\nmine = rules.sgd(lr=0.1)\n")
    before = path.read_text()
    for methods in ([f"{path}:mine"], {"a": f"{path}:mine"}):
        with pytest.raises(SteepestError, match="report must be another file than the code"):
            compare("bowl", methods, report=path, **SMALL)
    assert path.read_text() == before


def test_runs_of_a_method_are_counted_even_where_another_has_none(tmp_path: Path):
    watch = tiny.Counter()
    compare(tiny.line(), METHODS, store=tmp_path / "s.sqlite", **SMALL)
    compare(tiny.line(), [*METHODS, "adagrad"], store=tmp_path / "s.sqlite", progress=watch, **SMALL)
    begun = next(e for e in watch.events if isinstance(e, StudyStarted))
    assert (begun.total, begun.stored) == (RUNS + ADAM, RUNS) and watch.stored == RUNS


class Fails(Raising):
    """Raises on the tuning seeds after the first: what was tried once cannot be confirmed."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def start(self, tensors: object, *, seed: int) -> Raising:
        self.count = 0 if seed in (1, 2) else 100
        return self


def failing(lr: float = 0.1) -> Fails:
    return Fails(lr)


def test_what_failed_in_confirmation_is_not_said_to_have_diverged():
    study = compare(tiny.line(), [failing, rules.sgd(lr=0.05)], **SMALL)
    last = study.table()[-1]
    assert (last.method, last.setting, last.diverged, last.failed) == ("failing", None, 0, 3)
    (remark,) = last.remarks
    assert "0 runs diverged and 6 failed: " in remark and "the third step" in remark


def test_where_every_run_diverges_nothing_is_said_of_seeds():
    study = compare(tiny.line(), {"wild": rules.sgd(lr=1e9), "wilder": rules.sgd(lr=1e10)}, **SMALL)
    assert not study.seedless and "seed, so there" not in study.sentence


def test_a_training_problem_whose_scores_agree_still_depends_on_its_seed():
    x, y = tiny.data(64, 0)
    flat = TrainingProblem("flat", tiny.model, zero_at_the_end, (x, y), (x[:20], y[:20]), batch_size=16)
    study = compare(flat, [rules.sgd(lr=0.05)], **SMALL)
    assert len(set(study.scores["sgd"])) == 1 and not study.seedless


def zero_at_the_end(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The loss on batches; the same for all weights on the validation data, which has 20 rows."""
    return tiny.loss(network, batch) * (0.0 if len(batch[0]) == 20 else 1.0)


def test_a_method_with_one_run_has_no_interval_for_its_metric():
    study = compare("bowl", ["sgd"], trials=2, steps=20, seeds=10, jobs=1)
    assert study.seedless and study.best().metric.estimate == study.finals[0].scores["distance"]
    assert study.best().metric == median_interval([study.finals[0].scores["distance"]])


def test_a_method_that_asks_for_more_gradients_is_remarked():
    study = compare(tiny.line(), [functools.partial(torch.optim.LBFGS, max_iter=4), "sgd"], **SMALL)
    remarks = {row.method: row.remarks for row in study.table()}
    assert any("gradients a step" in remark for remark in remarks["torch.LBFGS"])
    assert not any("gradients a step" in remark for remark in remarks["sgd"])


def bad_labels() -> TrainingProblem:
    x, y = torch.randn(30, 3), torch.randint(0, 5, (30,))

    def cross_entropy(network, batch):
        return torch.nn.functional.cross_entropy(network(batch[0]), batch[1])

    return TrainingProblem("labels", lambda: torch.nn.Linear(3, 3), cross_entropy, (x, y), (x, y), batch_size=10)


def not_finite() -> TrainingProblem:
    x, y = tiny.data(64, 0)
    x[3, 1] = math.nan
    return TrainingProblem("nan", tiny.model, tiny.loss, (x, y), tiny.data(20, 1), batch_size=16)


def raises() -> TrainingProblem:
    raise RuntimeError("no\ndata")


@pytest.mark.parametrize(
    ("problem", "methods", "options", "words"),
    [
        ("bowl", ["sgd"], {"trials": 0}, r"trials must be a whole number in \[1, inf\), got 0"),
        ("bowl", ["sgd"], {"trials": True}, "trials must be"),
        ("bowl", ["sgd"], {"steps": 2.5}, "steps must be a whole number .* got 2.5"),
        ("bowl", ["sgd"], {"seeds": -1}, "seeds must be"),
        ("bowl", ["sgd"], {"jobs": 0}, "jobs must be"),
        ("bowl", ["sgd"], {"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean cosine"),
        ("bowl", ["sgd"], {"schedule": []}, "schedule must name at least 1 schedule"),
        ("bowl", ["sgd"], {"schedule": ["cosine", "cosine"]}, "each once"),
        ("bowl", ["sgd"], {"target": math.nan}, "target must be in .-inf, inf., got nan"),
        ("bowl", ["sgd"], {"reference": "adam"}, r"reference must be one of the methods \['sgd'\], got 'adam'"),
        ("bowl", ["sgd"], {"timing": 1}, "timing must be True or False, got 1"),
        ([], ["sgd"], {}, "problem must name at least 1 problem"),
        (["bowl", "bowl"], ["sgd"], {}, "problems must have names of their own"),
        (["bowl", "bwl"], ["sgd"], {}, "unknown problem 'bwl'"),
        ("bowl", ["sgd"], {"device": "abacus"}, "device must be of"),
        ("bowl", ["sgd"], {"report": "/none/r.html"}, "report: path must be writable"),
        ("bowl", ["sgd"], {"store": "/none/s.sqlite"}, "store: path"),
        ("bowl", [], {}, "at least 1 method"),
        ("bowl", "sgd", {}, "methods must be a sequence"),
        ("bowl", ["sgd", "sgd"], {}, "got 'sgd' twice"),
        ("bowl", ["adm"], {}, "unknown method 'adm'; did you mean adam"),
        ("bowl", [3.0], {}, "must be a rule, .* got float"),
        ("bowl", [rules.sgd(lr=schedules.cosine(0.1, 4))], {}, "schedule must have at least 8 steps"),
        ("bowl", [functools.partial(torch.optim.Adam, betas=(2.0, 0.0))], {}, "torch.Adam: Invalid beta"),
        ("bowl", [functools.partial(torch.optim.Adam, beta=1)], {}, "unexpected keyword"),
        ("bwl", ["sgd"], {}, "unknown problem 'bwl'; did you mean bowl"),
        (3, ["sgd"], {}, "got int"),
        (lambda: 3, ["sgd"], {}, "must return a Problem.* got int"),
        (raises, ["sgd"], {}, r"RuntimeError: no data \(test_compare.py:\d+\)"),
        (bad_labels, ["sgd"], {}, "label"),
        (not_finite, ["sgd"], {}, "finite"),
        ("bowl", ["sgd"], {"schedule": None}, "schedule must be text, or a sequence of texts, got None"),
        ("bowl", ["sgd"], {"device": None}, "device must be text, got None"),
        ("bowl", ["sgd"], {"store": "s.db", "report": "./s.db"}, "report must be another file than the store, got"),
        ("bowl", ["sgd"], {"store": "sqlite:///s.db", "report": "s.db"}, "report must be another file than the store"),
        ("bowl", [misspelt], {}, r"misspelt: NameError: name 'nowhere' is not defined \(test_compare.py:\d+\)"),
        ("bowl", [doubled], {}, r"doubled: .* returns u alone, got 2 values \(test_compare.py:\d+\)"),
        ("bowl", [lambda: Reportless()], {}, "step must return a StepReport, got NoneType"),
        (lambda: get("bowl"), [torch.optim.Adam], {"device": "cuda"}, "device must be of"),
    ],
)
def test_bad_input_is_one_clear_line_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem, methods, options, words: str
):
    monkeypatch.chdir(tmp_path)
    given = {**SMALL, "store": "s.sqlite", "report": "r.html", **options}
    with pytest.raises(SteepestError, match=words) as raised:
        compare(problem, methods, **given)
    assert "\n" not in str(raised.value) and list(tmp_path.iterdir()) == []


def test_every_finished_run_is_stored_before_it_is_told(tmp_path: Path):
    from steepest.lab import Store

    seen = []

    def progress(event: object) -> None:
        if isinstance(event, RunFinished):
            seen.append(len(Store(tmp_path / "s.sqlite").get([event.run.key])))

    compare(tiny.line(), ["sgd"], store=tmp_path / "s.sqlite", progress=progress, **SMALL)
    assert seen == [1] * SGD


def test_a_metric_that_is_not_finite_in_the_end_is_said_and_not_filled_in():
    def metric(network, batch):
        return math.nan if float(network.weight.abs().sum()) > 2.5 else 1.0  # as it is once it has learnt something

    problem = TrainingProblem(
        "line", tiny.model, tiny.loss, tiny.data(64, 0), tiny.data(20, 1), batch_size=16, metric=metric
    )
    study = compare(problem, ["sgd"], **{**SMALL, "steps": 40})
    (result,) = study.table()
    assert result.metric is None and "its metric was not finite on 3 of 3 seeds" in result.remarks
    assert math.isfinite(result.score.estimate)


@pytest.mark.parametrize(
    ("methods", "seeds", "words"),
    [
        (METHODS, 1, "No verdict: one seed cannot tell methods apart"),
        (["sgd"], 3, "No verdict: sgd is the only method"),
    ],
)
def test_what_cannot_be_judged_gets_no_verdict_and_is_told_why(methods: list[str], seeds: int, words: str):
    study = compare(tiny.line(), methods, **{**SMALL, "seeds": seeds})
    assert study.sentence.startswith(words) and study.verdict.best is None
    assert "lowest" in study.sentence or "median" in study.sentence or "with" in study.sentence
    study._repr_html_()


def test_two_processes_on_one_study_train_every_run_once(tmp_path: Path):
    """Each ends with the whole study, and together they trained no run twice."""
    code = (
        "import sys; sys.path.append(sys.argv[2]); import tiny; from steepest.lab import compare\n"
        f"study = compare(tiny.line(), {METHODS}, store=sys.argv[1], **{SMALL})\n"
        "print(study.about.trained, study.sentence)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s.sqlite"), str(Path(__file__).parent)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [process.communicate(timeout=120)[0] for process in both]
    trained = [int(line.split(maxsplit=1)[0]) for line in lines]
    assert sum(trained) == RUNS and lines[0].split(maxsplit=1)[1] == lines[1].split(maxsplit=1)[1]
