"""What a step costs: steepest and its peers in alternation, in one process, shown equal before they are timed.

    python -m benchmarks [--quick] [--markdown] [--json FILE] [--only NAME]      all of them
    python -m benchmarks.adamw [--threads 2] [--rounds 15] [--peers WORD,WORD]   one of them

`alternate` times, `works` says on what, `peers` builds the others as their documentation advises, `equality` shows
that they compute the same, `compare` puts it together, `table` prints. Every other file is one benchmark.
"""
