"""A PostgreSQL server for tests: a cluster of its own in a temporary folder, reached by a socket there."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A running server. folder: where its data and its socket are."""

    folder: Path

    @property
    def url(self) -> str:
        return f"postgresql://tests@/postgres?host={self.folder}"

    def schema(self, name: str) -> str:
        """The URL of a new and empty schema, which is to a store a database of its own."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="tests", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"')
        return f"{self.url}&options=-csearch_path%3D{name}"

    def restart(self) -> None:
        """Every connection breaks."""
        _run("pg_ctl", "restart", "-D", self.folder / "data", "-m", "immediate", "-w", "-l", self.folder / "log")


@contextmanager
def postgresql() -> Iterator[Server]:
    """A server for as long as the context lasts. Skips the test where there is none to start."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    if _program("initdb") is None:
        pytest.skip("PostgreSQL is not installed: there is no initdb")
    folder = Path(tempfile.mkdtemp(prefix="steepest-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        if (user := _user()) is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data = folder / "data"
        _run("initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=40"
        _run("pg_ctl", "start", "-D", data, "-w", "-t", "30", "-o", options, "-l", folder / "log")
        try:
            yield Server(folder)
        finally:
            _run("pg_ctl", "stop", "-D", data, "-m", "immediate", "-w")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    found = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))]
    return next(filter(None, found), None)


def _user() -> str | None:
    """Who a server may run as, where this process is root; None where it is not."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(name: str, *arguments: object) -> None:
    user = _user()
    given = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    command = [str(_program(name)), *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd="/tmp",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        **given,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
