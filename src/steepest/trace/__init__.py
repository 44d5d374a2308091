"""The record of a run: two tables and metadata; saved, loaded, and read from a stranger's log."""

from steepest.trace.files import from_bytes, load, read_csv, save, to_bytes
from steepest.trace.record import Column, Meta, Trace
from steepest.trace.recorder import Recorder

__all__ = ["Column", "Meta", "Recorder", "Trace", "from_bytes", "load", "read_csv", "save", "to_bytes"]
