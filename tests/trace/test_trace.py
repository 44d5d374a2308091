"""Traces: rows in, columns out, files that come back bit for bit, and a stranger's log."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steepest.core.errors import InputError
from steepest.core.status import Status
from steepest.trace import Recorder, Trace, from_bytes, load, read_csv, save, to_bytes
from steepest.trace.record import STEP_COLUMNS

TRACE = Trace(
    {"step": [0, 1, 2], "value": [4.0, math.nan, 0.1 + 0.2]},
    {"step": [0, 2], "test loss": [1.0, math.inf]},
    {"status": "nonfinite", "method": "adam(lr=0.1) — η", "seed": 3, "nested": {"a": [1, None, True]}},
)


def same(one: Trace, other: Trace) -> None:
    for table in ("steps", "evaluations"):
        columns, others = getattr(one, table), getattr(other, table)
        assert list(columns) == list(others)
        for name in columns:
            assert columns[name].dtype == others[name].dtype == np.float64
            assert columns[name].tobytes() == others[name].tobytes(), name
    assert dict(one.meta) == dict(other.meta)


def test_columns_are_float64_of_one_length() -> None:
    assert all(column.dtype == np.float64 for column in TRACE.steps.values())
    for steps in ({"step": [0, 1], "value": [1.0]}, {"value": [[1.0, 2.0]]}, {"value": 1.0}):
        with pytest.raises(InputError, match="trace: steps must have columns of one length, got"):
            Trace(steps)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="trace: evaluations must have columns of one length"):
        Trace({}, {"step": [0], "loss": []})  # type: ignore[dict-item]
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRACE.meta = {}  # type: ignore[misc]


def test_status_and_last() -> None:
    assert TRACE.status is Status.NONFINITE
    assert not TRACE.status.ok
    assert Trace({}).status is Status.RUNNING
    assert TRACE.last("test loss") == math.inf
    assert TRACE.last("value") == 0.1 + 0.2
    assert TRACE.last("step") == 2
    assert math.isnan(TRACE.last("missing"))
    assert math.isnan(Trace({"value": []}).last("value"))


def test_bytes_come_back_bit_for_bit() -> None:
    same(from_bytes(to_bytes(TRACE)), TRACE)
    same(from_bytes(to_bytes(Trace({}))), Trace({}))


@given(
    st.dictionaries(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=12),
        st.lists(st.floats(width=64), min_size=3, max_size=3),
        max_size=4,
    )
)
def test_any_column_comes_back(columns: dict[str, list[float]]) -> None:
    trace = Trace(columns)  # type: ignore[arg-type]
    back = from_bytes(to_bytes(trace))
    assert back.steps.keys() == trace.steps.keys()
    for name in trace.steps:
        np.testing.assert_array_equal(back.steps[name], trace.steps[name])


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    save(TRACE, path)
    same(load(path), TRACE)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="trace: path must be a readable file"):
        load(tmp_path / "missing")
    with pytest.raises(InputError, match="trace: path must be writable"):
        save(TRACE, tmp_path / "missing" / "run.trace")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.trace"
    save(TRACE, path)
    before = path.read_bytes()

    def fails(self: Path, data: bytes) -> int:
        self.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(InputError, match="No space left on device"):
        save(Trace({}), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def archive(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def array_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"PK\x03\x04 broken",
        to_bytes(TRACE)[:-30],
        to_bytes(TRACE)[: len(to_bytes(TRACE)) // 2],
        archive(x=np.ones(2)),
        archive(header=np.array("not json")),
        archive(header=np.array(json.dumps({}))),
        archive(header=np.array(json.dumps({"version": 1, "meta": {}})), **{"other/x": np.ones(2)}),
        array_file(),
    ],
    ids=["empty", "text", "zip", "cut", "half", "foreign", "header", "no version", "table", "array"],
)
def test_what_is_no_trace_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="trace: "):
        from_bytes(data)


def test_a_newer_version_is_refused() -> None:
    with pytest.raises(InputError, match="trace: version must be at most 1, got 2; update steepest"):
        from_bytes(archive(header=np.array(json.dumps({"version": 2, "meta": {}}))))


def test_pickles_are_never_loaded() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([{"code": 1}], dtype=object))
    with pytest.raises(InputError):
        from_bytes(buffer.getvalue())


def test_a_recorder_fills_columns_that_come_late() -> None:
    recorder = Recorder()
    recorder.step({"step": 0})
    recorder.amend_last_step({"value": 4.0, "gradient_norm": 2.0})
    recorder.step({"step": 1, "seconds": 0.5, "probe": 7.0})
    recorder.evaluation({"step": 0, "loss": 1.0})
    recorder.evaluation({"step": 1, "loss": 0.5, "accuracy": 0.9})
    trace = recorder.trace({"status": "max_steps"})
    assert set(trace.steps) == {*STEP_COLUMNS, "probe"}
    np.testing.assert_array_equal(trace.steps["value"], [4.0, math.nan])
    np.testing.assert_array_equal(trace.steps["probe"], [math.nan, 7.0])
    np.testing.assert_array_equal(trace.steps["seconds"], [math.nan, 0.5])
    np.testing.assert_array_equal(trace.evaluations["accuracy"], [math.nan, 0.9])
    assert trace.last("accuracy") == 0.9
    recorder.step({"step": 2})
    assert len(trace.steps["step"]) == 2, "a trace is a value"
    assert len(recorder.trace({}).steps["step"]) == 3


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_strangers_log(tmp_path: Path) -> None:
    log = written(tmp_path / "log.csv", "epoch,loss,note,lr\n1,2.5,a,0.1\n2,,b,0.05\n3,nan,c,1e-3\n")
    trace = read_csv(log, {"loss": "value", "lr": "learning_rate"})
    assert set(trace.steps) == {"epoch", "value", "learning_rate", "step"}
    np.testing.assert_array_equal(trace.steps["value"], [2.5, math.nan, math.nan])
    np.testing.assert_array_equal(trace.steps["step"], [0, 1, 2])
    np.testing.assert_array_equal(trace.steps["learning_rate"], [0.1, 0.05, 1e-3])
    assert trace.meta["problem"] == str(log)
    log = written(tmp_path / "step.csv", "step,loss\n10,1\n20,2\n")
    np.testing.assert_array_equal(read_csv(log).steps["step"], [10, 20])
    short = written(tmp_path / "short.csv", "a,b\n1,2\n3\n")
    np.testing.assert_array_equal(read_csv(short).steps["b"], [2, math.nan])


def test_logs_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="read_csv: path must be a readable file"):
        read_csv(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="has no rows below its header"):
        read_csv(written(tmp_path / "empty.csv", "loss\n"))
    with pytest.raises(InputError, match=r"read_csv: columns \['los'\] are not in .*, which has \['loss'\]"):
        read_csv(written(tmp_path / "log.csv", "loss\n1\n"), {"los": "value"})


def test_a_log_with_a_ragged_row_or_of_other_bytes_gets_one_line(tmp_path: Path) -> None:
    ragged = written(tmp_path / "ragged.csv", "a,b\n1,2,3\n4,5\n")
    try:
        np.testing.assert_array_equal(read_csv(ragged).steps["a"], [1, 4])
    except InputError as error:
        assert "ragged.csv" in str(error)
    (tmp_path / "latin.csv").write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(InputError, match=r"latin\.csv"):
        read_csv(tmp_path / "latin.csv")
