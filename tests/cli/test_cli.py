"""The command line: what it lists, what it shows, what it refuses, and with which status it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import steepest
from steepest import problems, rules
from steepest.cli import main
from steepest.cli.commands import SCHEDULES
from steepest.lab import Store
from steepest.lab.schedule_families import FAMILIES

PROBLEM = """
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from steepest.problems import TrainingProblem

def data(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    return x, x.sum(1, keepdim=True)

def loss(model, batch):
    return mse_loss(model(batch[0]), batch[1])

def make(seed):
    return TrainingProblem("sum", lambda: nn.Linear(3, 1), loss, data(32, 0), data(16, 1), data(16, 2), batch_size=8)

def raising(seed):
    raise ValueError("no\\ndata here")

def number(seed):
    return 3

def nan(seed):
    x, y = data(32, 0)
    x[4] = float("nan")
    return TrainingProblem("nan", lambda: nn.Linear(3, 1), loss, (x, y), data(16, 1), batch_size=8)

def classify(model, batch):
    return cross_entropy(model(batch[0]), batch[1])

def labels(seed):
    x = torch.randn(32, 3)
    y = torch.arange(32) % 7
    return TrainingProblem("labels", lambda: nn.Linear(3, 3), classify, (x, y), (x, y), batch_size=8)
"""

METHODS = """
import functools
import torch, optax
from steepest import rules
from steepest.formula import Positive, rule, sign

@rule
def signed(u, *, scale: Positive = 1.0):
    return scale * sign(u)

def mine(lr):
    return rules.heavy_ball(lr=lr, beta=0.7)

class Own(torch.optim.SGD):
    pass

bad = functools.partial(torch.optim.SGD, momentum=-1.0)
unknown = functools.partial(torch.optim.SGD, mometum=0.9)
zero = functools.partial(rules.sgd, lr=0.0)
negative = functools.partial(rules.sgd, lr=-1)
nan = functools.partial(rules.sgd, lr=float("nan"))
one = functools.partial(rules.adam, beta1=1)
short = rules.sgd(lr=__import__("steepest").schedules.cosine(0.1, 3))
lion = optax.lion
"""

SMALL = ["--trials", "2", "--steps", "6", "--seeds", "2", "--jobs", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_problem.py").write_text(PROBLEM)
    (tmp_path / "my_methods.py").write_text(METHODS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"my_problem.py", "my_methods.py"}


def test_methods_and_problems_are_listed_a_line_each(capsys: pytest.CaptureFixture[str]):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(rules.METHODS) and all(len(line.split()) > 2 for line in lines)
    assert main(["problems"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(problems.names())
    assert main(["--version"]) == 0 and capsys.readouterr().out.strip() == steepest.__version__
    assert main([]) == 0 and "compare" in capsys.readouterr().out


def test_lists_are_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rules.METHODS) and max(map(len, lines)) <= 80
    assert main(["problems"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and {line.split()[0] for line in lines if line[0] != " "} == set(problems.names())


def test_the_help_names_every_schedule(capsys: pytest.CaptureFixture[str]):
    assert sorted(SCHEDULES.split(", ")) == sorted(FAMILIES)
    assert main(["compare", "--help"]) == 0
    assert "warmup-stable-decay" in capsys.readouterr().out


def test_lists_import_nothing_heavy():
    code = (
        "import sys; from steepest.cli import main\n"
        "assert [main([c]) for c in ('--version', 'methods', 'problems')] == [0, 0, 0]\n"
        "heavy = {'torch', 'jax', 'optax', 'sqlalchemy', 'plotly', 'sklearn', 'numba', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)


def test_a_users_problem_and_methods_compete_and_the_page_and_store_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    methods = "sgd,my_methods.py:signed,my_methods.py:mine,my_methods.py:Own,my_methods.py:lion,torch.optim:RAdam"
    assert main(["compare", "my_problem.py:make", "--methods", methods, *SMALL[:-2], "--jobs", "2"]) == 0
    shown = capsys.readouterr()
    for name in ("sgd", "signed", "mine", "Own", "lion", "torch.RAdam"):
        assert name in shown.out
    for words in ("rank", "test loss", "   p   ", "0 of 2", "report: steepest-report.html", "at least", "lr 0."):
        assert words in shown.out
    assert shown.err == "" and names(folder) == {"steepest.sqlite", "steepest-report.html"}
    page = (folder / "steepest-report.html").read_text()
    assert "Which optimizer for sum?" in page and "steepest compare my_problem.py:make" in page


def test_the_same_command_again_says_what_is_stored_and_trains_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    command = ["compare", "my_problem.py:make", "--methods", "sgd,adam", *SMALL]
    assert main(command) == 0
    assert "already" not in capsys.readouterr().out
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "54 of 54 runs are in steepest.sqlite already" in shown and "trained 0 runs" in shown


def test_ctrl_c_is_status_130_and_one_line_on_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from steepest.cli.watch import Watch

    real = Watch.__call__

    def told(self, event):
        real(self, event)
        if self.done == 3:
            raise KeyboardInterrupt

    command = ["compare", "my_problem.py:make", "--methods", "sgd", *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "__call__", told)
        assert main(command) == 130
    shown = capsys.readouterr()
    assert shown.err == (
        "steepest: stopped; 3 of 26 runs are in steepest.sqlite, the same command goes on from there\n"
    )
    assert len(Store("steepest.sqlite")) == 3 and not Path("steepest-report.html").exists()
    assert main(command) == 0 and "3 of 26 runs are in steepest.sqlite already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "digits-mpl"], "unknown problem 'digits-mpl'; did you mean digits-mlp?"),
        (["compare", "bowl", "--methods", "adm"], "unknown method 'adm'; did you mean adam, radam, nadam?"),
        (["compare", "bowl", "--methods", ","], "compare: methods must name at least 1 method, got none"),
        (["compare", "bowl", "--methods", "sgd,sgd"], "got 'sgd' twice"),
        (["compare", "my_problem.py:raising"], "raising: ValueError: no data here (my_problem.py:19)"),
        (["compare", "my_problem.py:number"], "number: must return a Problem, such as TrainingProblem, got int"),
        (["compare", "my_problem.py:mak"], "unknown name in my_problem.py 'mak'; did you mean make?"),
        (["compare", "my_problem.py"], "'my_problem.py' must be followed by a name in it"),
        (["compare", "your_problem.py:make"], "there is no file 'your_problem.py'"),
        (["compare", "my_problem.py:nan"], "finite"),
        (["compare", "my_problem.py:labels"], "label"),
        (["compare", "bowl", "--trials", "0"], "trials must be a whole number in [1, inf), got 0"),
        (["compare", "bowl", "--steps", "-1"], "steps must be a whole number in [1, inf), got -1"),
        (["compare", "bowl", "--seeds", "0"], "seeds must be a whole number in [1, inf), got 0"),
        (["compare", "bowl", "--jobs", "0"], "jobs must be a whole number in [1, inf), got 0"),
        (["compare", "bowl", "--trials", "many"], "--trials"),
        (["compare", "bowl", "--schedule", "cosin"], "unknown schedule 'cosin'; did you mean cosine"),
        (["compare", "bowl", "--device", "abacus"], "device must be of ['cpu'"),
        (["compare", "bowl", "--report", "/none/r.html"], "report: path must be writable, got '/none/r.html'"),
        (["compare", "bowl", "--report", "/"], "report: path must be a new file or an earlier report"),
        (
            ["compare", "bowl", "--report", "my_problem.py"],
            "must be a new file or an earlier report, got 'my_problem.py'",
        ),
        (["compare", "bowl", "--store", "/none/s.sqlite"], "store: path must be a file that can be written"),
        (["compare", "bowl", "--store", "my_problem.py"], "'my_problem.py' is no store (file is not a database)"),
        (["compare", "bowl", "--methods", "my_methods.py:bad"], "torch.SGD: Invalid momentum value: -1.0"),
        (["compare", "bowl", "--methods", "my_methods.py:unknown"], "unexpected keyword argument 'mometum'"),
        (["compare", "bowl", "--methods", "my_methods.py:zero"], "sgd: lr must be in (0, inf), got 0.0"),
        (["compare", "bowl", "--methods", "my_methods.py:negative"], "sgd: lr must be in (0, inf), got -1"),
        (["compare", "bowl", "--methods", "my_methods.py:nan"], "sgd: lr must be in (0, inf), got nan"),
        (["compare", "bowl", "--methods", "my_methods.py:one"], "adam: beta1 must be in [0, 1), got 1"),
        (["compare", "bowl", "--methods", "my_methods.py:short"], "schedule must have at least"),
        (["compare"], "PROBLEM"),
        (["compare", "bowl", "--trails", "3"], "--trails"),
        (["compare", "bowl", "adam"], "adam"),
        (["compair"], "compair"),
    ],
)
def test_bad_input_is_one_line_with_status_2_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("steepest: error: ")
    assert shown.err.count("\n") == 1 and words.lower() in shown.err.lower()
    assert names(folder) == set()


def test_an_error_in_a_process_of_its_own_has_no_traceback(folder: Path):
    command = [sys.executable, "-m", "steepest", "compare", "bowl", "--trials", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "steepest: error: compare: trials must be a whole number in [1, inf), got 0\n"


def test_the_live_table_shows_methods_trials_and_the_best_so_far():
    from rich.console import Console

    from steepest.cli.watch import Watch
    from steepest.lab import compare

    console = Console(width=120, force_terminal=True, record=True, file=open("/dev/null", "w"))
    watch = Watch(console, "s.sqlite")
    with watch:
        study = compare("bowl", ["sgd", "adam"], trials=3, steps=20, seeds=2, jobs=1, progress=watch)
    console.export_text()
    console.print(watch.view())
    text = console.export_text()
    console.file.close()
    best = min(study.trials("sgd"), key=lambda run: run.validation)
    assert f"{best.validation:.4g}" in text and f"lr {best.setting['lr']:.4g}" in text
    assert f"{len(study.runs)} of {len(study.runs)}" in text and "learning rates" in text


def test_explain_prints_formula_passes_and_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "adamw", "lars", "--clip", "1", "--average", "0.999"]) == 0
    out = capsys.readouterr().out
    assert "p ← p − η (m̂ / (√v̂ + ε) + λ p)" in out
    assert "pass 2: reads u, p, m, mean, v; writes p, m, mean, v" in out
    assert "float32: 2 passes, 40 bytes moved a parameter and step, 12 bytes of state a parameter" in out
    assert "float32: 3 passes" in out
    assert out.count("GB/s measured now with") == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["explain", "adm"], "unknown rule 'adm'; did you mean adam"),
        (["explain", "adam", "--dtype", "int8"], "dtype must be 'float32', 'float64' or 'bfloat16', got 'int8'"),
        (["explain", "adam", "--moments", "4bit"], "moments must be None, 'float32', 'bfloat16' or '8bit', got '4bit'"),
        (["explain", "adam", "--nonfinite", "no"], "nonfinite must be 'apply', 'skip' or 'raise', got 'no'"),
        (["explain", "adam", "--parameters", "0"], "parameters must be a whole number in [1, inf), got 0"),
    ],
)
def test_explain_refuses(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert text in capsys.readouterr().err
