"""The collection of Moré, Garbow & Hillstrom 1981: 35 sums of squares in the paper's order, none left out.

Each file has one problem: its residuals fᵢ and their analytic Jacobian, the standard start and the one multiplied by 10
and by 100, and the minima the paper gives. `problems.get("mgh-wood")` makes one; `table.py` lists them.
"""
