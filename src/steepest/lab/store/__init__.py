"""The store of studies: runs, traces, records of studies, and who trains what; SQLite or PostgreSQL."""

from steepest.lab.store.claimants import Claimant
from steepest.lab.store.places import database, shown
from steepest.lab.store.store import Store
from steepest.lab.store.studies import State, StudyRecord

__all__ = ["Claimant", "State", "Store", "StudyRecord", "database", "shown"]
