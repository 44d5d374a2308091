"""Loops over coordinates and runs, with every value in rows of one number a run: for any number of dimensions."""

from __future__ import annotations

from typing import final

from steepest.engines.sweep.calls import call, run
from steepest.engines.sweep.outline import Outline, Traced
from steepest.engines.sweep.phases import PhaseWriter, indented


@final
class LoopedWriter:
    """Writes the loops of a kernel: one update, and the recording of a point."""

    def __init__(self, outline: Outline, traced: Traced, width: int) -> None:
        self.outline, self.traced, self.width = outline, traced, width
        self.phases = PhaseWriter(outline, traced, width)
        self.tables, self.state, self.lanes = self.phases.tables, self.phases.state, self.phases.lanes

    def views(self) -> list[str]:
        """What is made once a block."""
        d, width = self.outline.dimensions, self.width
        lines = [
            f"{variable} = state[{self.state.rows[name] * width}:{(self.state.rows[name] + d) * width}]"
            f".reshape(({d}, {width}))"
            for name, variable in self.phases.arrays.items()
        ]
        forms = {f.form for f in (self.outline.gradient, self.outline.value) if f is not None}
        return lines + ([f"point = np.empty({d}, np.{self.outline.dtype})"] if "point" in forms else [])

    def update(self) -> list[str]:
        """One update of every run."""
        traced = self.traced
        lines: list[str] = []
        at = "p"
        if traced.query is not None:
            at = self.phases.array("x", "x")
            if traced.asks_twice:
                lines += self._gradient("p", self.phases.array("g", "g"))
            lines += self.phases.program(traced.query, [(traced.query.update, "x")])
        lines += self._gradient(at, self.phases.array("u", "u"))
        if self.outline.needs_value:
            lines += self._value(at, f"lanes[{self.lanes.row('value') * self.width} + lane]")
        lines += self._tests()
        writes = [(traced.update.after, "p")]
        numbers = []
        for path, node in traced.update.slots.items():
            if traced.slots[path].scalar:
                numbers.append((node, self.lanes.row(f"slot {path}")))
            else:
                writes.append((node, self.phases.array(f"slot:{path}", traced.names[path])))
        lines += self.phases.program(traced.update, writes, numbers, guarded=True)
        return lines + self._finish()

    def record(self) -> list[str]:
        """Write the answer point, and the objective there."""
        d, width, answer = self.outline.dimensions, self.width, self.traced.answer
        if answer is None:
            lines = [f"for j in range({d * width}):", "    saved[j] = state[j]"]
        else:
            lines = [
                f"out = saved.reshape(({d}, {width}))",
                *self.phases.program(answer, [(answer.update, "out")]),
            ]
        if self.outline.value is not None:
            lines.append(f"final = saved.reshape(({d}, {width}))")
            lines += self._value("final", "saved_values[lane]")
        return lines

    def _gradient(self, at: str, to: str) -> list[str]:
        outline, d = self.outline, self.outline.dimensions
        if outline.gradient.form == "lanes":
            return [call("gradient", outline, f"{at}, {to}", f"block * {self.width}")]
        if outline.gradient.form == "point":
            body = [
                f"for i in range({d}):",
                f"    point[i] = {at}[i, lane]",
                f"found = {call('gradient', outline, 'point', run(self.width))}",
                f"for i in range({d}):",
                f"    {to}[i, lane] = found[i]",
            ]
        else:
            arguments = ", ".join(f"{at}[{i}, lane]" for i in range(d))
            targets = ", ".join(f"{to}[{i}, lane]" for i in range(d))
            body = [f"{targets} = {call('gradient', outline, arguments, run(self.width))}"]
        return self.phases.over_runs(body)

    def _value(self, at: str, to: str) -> list[str]:
        outline, d = self.outline, self.outline.dimensions
        assert outline.value is not None, "an objective that is missing is refused before"
        if outline.value.form == "lanes":
            row = self.lanes.row("values") * self.width
            return [
                call("value", outline, f"{at}, lanes[{row}:{row + self.width}]", f"block * {self.width}"),
                *self.phases.over_runs([f"{to} = lanes[{row} + lane]"]),
            ]
        if outline.value.form == "point":
            copy = [f"for i in range({d}):", f"    point[i] = {at}[i, lane]"]
            return self.phases.over_runs([*copy, f"{to} = {call('value', outline, 'point', run(self.width))}"])
        arguments = ", ".join(f"{at}[{i}, lane]" for i in range(d))
        return self.phases.over_runs([f"{to} = {call('value', outline, arguments, run(self.width))}"])

    def _tests(self) -> list[str]:
        """Whether a run has met a test where its gradient is taken."""
        lines: list[str] = []
        width = self.width
        if self.outline.tolerance:
            row = self.lanes.row("square") * width
            wide = "u[i, lane]" if self.outline.dtype == "float64" else "float64(u[i, lane])"
            lines += self.phases.over_runs([f"lanes[{row} + lane] = 0.0"])
            lines += self.phases.over_elements([f"lanes[{row} + lane] += {wide} * {wide}"])
            test = f"(lanes[lane] == 0.0) & (sqrt(lanes[{row} + lane]) <= limits[0])"
            lines += self.phases.over_runs([f"lanes[lane] = 1.0 if {test} else lanes[lane]"])
        if self.outline.target:
            test = f"(lanes[lane] == 0.0) & (lanes[{self.lanes.row('value') * width} + lane] <= limits[1])"
            lines += self.phases.over_runs([f"lanes[lane] = 1.0 if {test} else lanes[lane]"])
        return lines

    def _finish(self) -> list[str]:
        """Count the update; where the new point is not finite, take it back."""
        d, width = self.outline.dimensions, self.width
        scope = self.phases.scope({}, {})
        taken, bad = (self.lanes.row(name) * width for name in ("taken", "bad"))
        kept = ["p", *(self.traced.names[path] for path in sorted(self.traced.kept) if self.phases.is_array(path))]
        count = [
            f"stopped += (lanes[lane] == 0.0) & (lanes[{bad} + lane] != 0.0)",
            f"lanes[{taken} + lane] += 1.0 if (lanes[lane] == 0.0) & (lanes[{bad} + lane] == 0.0) else 0.0",
            *scope.next_products(),
        ]
        back = [
            f"if (lanes[lane] == 0.0) & (lanes[{bad} + lane] != 0.0):",
            "    lanes[lane] = 2.0",
            f"    for i in range({d}):",
            *(f"        {variable}[i, lane] = old_{variable}[i, lane]" for variable in kept),
        ]
        count = [*scope.inside.values(), *count]
        return ["stopped = 0", *self.phases.over_runs(count), "if stopped > 0:", *indented(self.phases.over_runs(back))]
