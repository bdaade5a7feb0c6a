"""Features on a Dask cluster: the same rows, whoever works them out and whatever becomes of a worker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scale.conftest import cluster
from tests.unit.train.fleet import charges
from train.cli import main
from train.cluster import Cluster
from train.errors import TrainError
from train.features.build import build_features
from train.features.part import Done
from train.features.table import FeatureTable
from train.sessions import parquet_store
from train.sessions.dataset import write_dataset

pytestmark = [pytest.mark.scale, pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty parts."""
    folder = tmp_path_factory.mktemp("fleet") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_store, "ROWS_A_GROUP", 100)
        patch.setattr(parquet_store, "ROWS_A_FILE", 100)
        write_dataset(folder, charges(2, 10, 2), format="parquet")
    return folder


@pytest.fixture(scope="module")
def want(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureTable:
    return build_features(fleet, tmp_path_factory.mktemp("want") / "rows").table


def test_a_killed_worker_costs_only_its_parts(fleet: Path, want: FeatureTable, tmp_path: Path) -> None:
    parts: list[Done] = []
    with cluster(tmp_path / "logs") as running:

        def kill_one(n_done: int, n_parts: int, part: Done) -> None:
            parts.append(part)
            if n_done == 3:
                assert n_parts > 20
                running.workers[0].kill()

        built = build_features(fleet, tmp_path / "rows", cluster=Cluster(scheduler=running.address), progress=kill_one)
        assert running.workers[0].wait(10) == -9
        assert running.workers[1].poll() is None
    assert len(parts) == len(want.parts)  # none was made twice
    assert built.table.hash == want.hash
    assert built.table.parts == want.parts


def test_two_workers_of_this_machine(
    fleet: Path, want: FeatureTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["features", str(fleet), str(tmp_path / "rows"), "--engine", "dask", "--workers", "2"]
    assert main([*command, "--worker-memory", "1GB"]) == 0
    shown = capsys.readouterr()
    assert "2 workers; dashboard: http://127.0.0.1:" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert want.hash in shown.out
    assert "peak memory of all processes" in shown.out


def test_nobody_there(fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.cluster.JOIN_TIMEOUT_S", 1)
    with pytest.raises(TrainError, match=r"--scheduler tcp://127\.0\.0\.1:9: no cluster with a worker there"):
        build_features(fleet, tmp_path / "rows", cluster=Cluster(scheduler="tcp://127.0.0.1:9"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_tls(fleet: Path, want: FeatureTable, tmp_path: Path) -> None:
    files = _certificates(tmp_path)
    tls = {"ca-file": files["ca"], "cert": files["cert"], "key": files["key"]}
    with cluster(tmp_path / "logs", 1, tls) as running:
        assert running.address.startswith("tls://")
        safe = Cluster(running.address, tls_ca=files["ca"], tls_cert=files["cert"], tls_key=files["key"])
        assert build_features(fleet, tmp_path / "rows", cluster=safe).table.hash == want.hash
        stranger = _certificates(tmp_path / "other")
        other = Cluster(running.address, tls_ca=files["ca"], tls_cert=stranger["cert"], tls_key=stranger["key"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("train.cluster.JOIN_TIMEOUT_S", 3)
            with pytest.raises(TrainError, match="no cluster with a worker there"):
                build_features(fleet, tmp_path / "rows2", cluster=other)


def _certificates(folder: Path) -> dict[str, Path]:
    """An authority and one certificate, made as docs/scale.md says."""
    folder.mkdir(exist_ok=True)
    files = {name: folder / f"{name}.pem" for name in ("ca", "ca-key", "cert", "key", "request")}

    def openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    openssl(*new, "-x509", "-days", "365", "-subj", "/CN=ca", "-keyout", files["ca-key"], "-out", files["ca"])
    openssl(*new, "-subj", "/CN=wattprint", "-keyout", files["key"], "-out", files["request"])
    signing: list[str | Path] = [
        "x509",
        "-req",
        "-days",
        "365",
        "-CA",
        files["ca"],
        "-CAkey",
        files["ca-key"],
        "-CAcreateserial",
    ]
    openssl(*signing, "-in", files["request"], "-out", files["cert"])
    return files
