"""`idiff bulk` on a real Ray cluster of two nodes: every pair once, though a node or the run itself is killed."""

import io
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bulk_support import files, photographed, until, verdicts, written
from conftest import free_port
from pyarrow import fs, parquet

pytestmark = [pytest.mark.bulk, pytest.mark.slow, pytest.mark.timeout(600)]

PAIRS = 40
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module")
def venv() -> Path:
    if "IDIFF_BULK_VENV" not in os.environ:
        pytest.skip("IDIFF_BULK_VENV names no environment (make test-bulk)")
    return Path(os.environ["IDIFF_BULK_VENV"])


class Node:
    """One node of a cluster: its raylet and whatever that starts, ended all at once as by a loss of power."""

    def __init__(self, venv: Path, log: Path, *options: str) -> None:
        self.log = log
        command = [venv / "bin" / "ray", "start", "--block", "--num-cpus=1", "--object-store-memory=100000000"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *options], env=os.environ | QUIET, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def workers(self) -> list[int]:
        """Its processes that judge."""
        return [pid for pid in self._all() if b"MapWorker" in _read(pid, "cmdline")]

    def _all(self) -> list[int]:
        """All processes of its session."""
        numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return [pid for pid in numbers if _session(pid) == self._process.pid]

    def kill(self) -> None:
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _session(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[3]) if fields else 0


class Cluster:
    """A head of one CPU, to which more nodes of one CPU come."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self._venv, self._folder = venv, folder
        self._port = free_port()
        while self._port < 20_000:  # Ray's workers have those below
            self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self.nodes: list[Node] = []

    def add_head(self) -> Node:
        """The first node, which the others come to."""
        return self._start("--head", f"--port={self._port}", f"--temp-dir={self._folder / 'ray'}")

    def add(self, *options: str) -> Node:
        """Another node, of which the cluster knows."""
        return self._start(f"--address={self.address}", *options)

    def _start(self, *options: str) -> Node:
        node = Node(self._venv, self._folder / f"{len(self.nodes)}.log", "--node-ip-address=127.0.0.1", *options)
        self.nodes.append(node)

        def known() -> bool:
            assert node.alive, node.log.read_text()[-3000:]
            return self._size() == len(self.nodes)

        until(known, 120)
        return node

    def _size(self) -> int:
        """Of how many nodes it knows."""
        asked = [self._venv / "bin" / "ray", "status", "--address", self.address]
        told = subprocess.run(asked, env=os.environ | QUIET, capture_output=True, text=True)
        return told.stdout.partition("Pending:")[0].count(" node_")

    def bulk(self, *arguments: object, **settings: str) -> subprocess.Popen[str]:
        """The command, under way."""
        return subprocess.Popen(
            [self._venv / "bin" / "idiff", "bulk", *map(str, arguments)],
            env=os.environ | {"RAY_ADDRESS": self.address} | settings,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        for node in reversed(self.nodes):
            node.kill()


@pytest.fixture
def cluster(venv: Path) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # sockets' paths must be short
        cluster = Cluster(venv, Path(folder))
        try:
            cluster.add_head()
            yield cluster
        finally:
            cluster.end()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rows = photographed(folder, PAIRS)
    rows[7]["image_a"] = "nowhere.jpg"
    return written(folder / "pairs.parquet", rows)


@pytest.fixture(scope="module")
def alone(venv: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that one process of this machine makes of the list."""
    out = tmp_path_factory.mktemp("alone")
    command = [venv / "bin" / "idiff", "bulk", pairs, "--out", out, "--engine", "local", "--workers", "1", *SMALL]
    subprocess.run(command, check=True, timeout=300)
    return files(out)


SMALL = ("--rows-per-file", "2")


def summary(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "_summary.json").read_text())
    return found


def test_a_node_that_is_killed_costs_no_pair(
    cluster: Cluster, pairs: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    second = cluster.add()
    with cluster.bulk(pairs, "--out", tmp_path, *SMALL) as run:
        until(lambda: len(files(tmp_path)) >= 4 or run.poll(), 180)
        assert second.workers()
        second.kill()
        left = len(files(tmp_path))
        told = run.communicate(timeout=300)[1]
    assert run.returncode == 0, told
    assert left < len(alone)
    assert [row["id"] for row in verdicts(tmp_path)] == [f"pair {place}" for place in range(PAIRS)]
    assert files(tmp_path) == alone
    assert summary(tmp_path)["errors"] == {"unreadable_image": 1}
    assert summary(tmp_path)["pace"] | {"engine": "ray", "pairs": PAIRS} == summary(tmp_path)["pace"]


@pytest.mark.parametrize("engine", ["ray", "local"])
def test_a_run_that_was_killed_goes_on_with_either_engine(
    cluster: Cluster, pairs: Path, alone: dict[str, bytes], tmp_path: Path, engine: str
) -> None:
    with cluster.bulk(pairs, "--out", tmp_path, *SMALL) as run:
        until(lambda: len(files(tmp_path)) >= 4 or run.poll(), 180)
        run.kill()
    kept = {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path)}
    assert 0 < len(kept) < len(alone)
    until(lambda: not cluster.nodes[0].workers(), 60)
    with cluster.bulk(pairs, "--out", tmp_path, "--engine", engine, *SMALL) as run:
        told = run.communicate(timeout=300)[1]
    assert run.returncode == 0, told
    assert files(tmp_path) == alone
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == kept
    assert summary(tmp_path)["pace"]["pairs"] == PAIRS - 2 * len(kept)


def test_gpu_workers_go_where_gpus_are_and_nowhere_else(cluster: Cluster, pairs: Path, tmp_path: Path) -> None:
    def refused(told: str) -> None:
        with cluster.bulk(pairs, "--out", tmp_path, "--threads", "1", IDIFF_PROVIDER="cuda") as run:
            stderr = run.communicate(timeout=300)[1]
        assert run.returncode == 2, stderr
        assert told in stderr.splitlines()[-1]
        assert not files(tmp_path)

    refused("idiff: no_room: no node of the cluster has 1 CPUs and 1 GPUs, as a worker needs")
    cluster.add("--num-gpus=1")  # as Ray counts them: the worker is placed there, and finds that there is no CUDA
    refused("CUDAExecutionProvider")


class Bucket:
    """A bucket of an S3 server on this machine."""

    def __init__(self, port: int) -> None:
        self._server = f"127.0.0.1:{port}"
        self.files = fs.S3FileSystem(
            access_key="key",
            secret_key="secret",
            endpoint_override=self._server,
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        self.files.create_dir("bucket")

    def url(self, path: str) -> str:
        return f"s3://key:secret@bucket/{path}?scheme=http&endpoint_override={self._server}&region=us-east-1"

    def put(self, path: str, content: bytes) -> None:
        with self.files.open_output_stream(f"bucket/{path}") as file:
            file.write(content)

    def get(self, path: str) -> bytes:
        with self.files.open_input_stream(f"bucket/{path}") as file:
            return bytes(file.read())


@pytest.fixture
def bucket(venv: Path, tmp_path: Path) -> Iterator[Bucket]:
    port = free_port()
    with (tmp_path / "moto.log").open("wb") as log:
        server = subprocess.Popen([venv / "bin" / "moto_server", "-p", str(port)], stdout=log, stderr=log)
    with server:
        try:
            until(lambda: b"Running on" in (tmp_path / "moto.log").read_bytes(), 60)
            yield Bucket(port)
        finally:
            server.kill()


def test_list_photos_and_verdicts_may_be_in_an_object_store(
    venv: Path, bucket: Bucket, pairs: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    rows = parquet.read_table(pairs).to_pylist()[:4]
    for row in rows:
        for name in (row["image_a"], row["image_b"]):
            bucket.put(f"in/{name}", (pairs.parent / name).read_bytes())
    rows[3]["image_b"] = bucket.url("in/3b.jpg")
    bucket.put("in/pairs.csv", written(tmp_path / "pairs.csv", rows).read_bytes())
    places = bucket.url("in/pairs.csv"), "--out", bucket.url("out")
    command = [venv / "bin" / "idiff", "bulk", *places, *SMALL, "--engine", "local", "--workers", "1"]
    for judged in (4, 0):
        subprocess.run(command, check=True, timeout=300)
        assert json.loads(bucket.get("out/_summary.json"))["pace"]["pairs"] == judged
    assert b"secret" not in bucket.get("out/_run.json")
    first, second = (bucket.get(f"out/part-000000{number}.parquet") for number in range(2))
    assert first == alone["part-0000000.parquet"]
    here, there = (parquet.read_table(io.BytesIO(file)).to_pylist() for file in (alone["part-0000001.parquet"], second))
    assert there == [here[0], here[1] | {"image_b": rows[3]["image_b"]}]
