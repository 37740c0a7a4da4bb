"""An output folder holds the files of one run, all of them, wherever a run is stopped and whoever reads."""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from stopped import FAIL, Commands

import vn2pl
from vn2pl import InputError
from vn2pl.cli import verify
from vn2pl.cli.main import parser
from vn2pl.running import runs
from vn2pl.writing import artifacts, interrupts, transactions
from vn2pl.writing.transactions import JOURNAL_FILE, output_folder, replacing_set, roll_forward

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

RUN_FILE = "run.json"
NEIGHBOURS_FILE = "neighbours.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, vn2pl_command: Commands) -> Path:
    """Panels and the runs over them: old, with neighbours, and new, which has more weeks and none."""
    folder = tmp_path_factory.mktemp("made")
    panel = vn2pl.demo_panel(skus=12, weeks=60, seed=5).panel
    panel.write_parquet(folder / "new.parquet")
    panel.filter(pl.col("week") < panel["week"].unique().sort()[-4]).write_parquet(folder / "old.parquet")
    (folder / "config.yaml").write_text("n_neighbors: 5\nmin_candidates: 20\n")
    for name, options in {"old": ["--save-neighbours"], "new": []}.items():
        assert vn2pl_command.run(*_impute(folder, name, folder / name), *options).status == 0
    assert len({str(_data(folder / name)) for name in ("old", "new")}) == 2
    return folder


def _impute(made: Path, panel: str, out: Path) -> list[object]:
    config = ["--config", made / "config.yaml", "--quiet"]
    return ["impute", "--data", made / f"{panel}.parquet", "--out", out, *config]


def _data(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in {".parquet", ".csv"}}


def _whose(made: Path, out: Path) -> str:
    """The run that the data files in a folder are of, all of them."""
    return {str(_data(made / name)): name for name in ("old", "new")}.get(str(_data(out)), "several")


def _again(made: Path, out: Path) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    return shutil.copytree(made / "old", out)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGINT, FAIL], ids=["power fails", "Ctrl-C", "write fails"])
def test_wherever_a_run_is_stopped_its_files_are_all_old_or_all_new(
    made: Path, tmp_path: Path, vn2pl_command: Commands, fault: int | str
) -> None:
    outcomes = []
    for moment in count(1):
        out = _again(made, tmp_path / "out")
        ended = vn2pl_command.run(*_impute(made, "new", out), inside=out, fault=fault, at=moment)
        if not ended.is_hit:
            break
        assert "Traceback" not in ended.err
        assert vn2pl_command.run("verify", out)[:3] == (0, f"{out}: complete\n", "")
        outcomes.append(whose := _whose(made, out))
        if fault == signal.SIGKILL:
            assert ended.status == -signal.SIGKILL
            assert vn2pl_command.run(*_impute(made, "new", out)).status == 0
            assert (_whose(made, out), _names(out)) == ("new", _names(made / "new"))
            continue
        if fault == signal.SIGINT:
            is_new = f"vn2pl: interrupted; its output was complete by then: {out}\n"
            told = {"old": "vn2pl: interrupted; earlier output files are as they were\n", "new": is_new}
            assert (ended.status, ended.err) == (130, told[whose])
        else:
            assert (ended.status, ended.err.count("\n")) in {(0, 0), (2, 1)}
            assert transactions.UNDONE not in ended.err or whose == "new"
        # The next run removes temporary files that this one was kept from removing.
        assert {name for name in _names(out) if ".temporary" not in name} == _names(made / whose)
        assert len(_names(out)) - len(_names(made / whose)) <= (fault != signal.SIGKILL)
    assert len(outcomes) > 20
    assert set(outcomes) == {"old", "new"}


def test_a_full_disk_leaves_the_old_files_whichever_is_too_large(
    made: Path, tmp_path: Path, vn2pl_command: Commands
) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    told = set()
    for free in count(1):
        disk = tmp_path / str(free)
        disk.mkdir()
        pages = sum(-(-path.stat().st_size // page) for path in (made / "old").iterdir()) + free
        mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * page}", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small disk")
        try:
            out = _again(made, disk / "out")
            ended = vn2pl_command.run(*_impute(made, "new", out))
            assert vn2pl_command.run("verify", out).status == 0
            assert _whose(made, out) == ("old" if ended.status else "new")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        if not ended.status:
            break
        assert (ended.status, ended.err.count("\n")) == (2, 1)
        assert "cannot be written: No space left on device" in ended.err
        told.add(ended.err.partition("cannot")[0])
    assert len(told) > 3


def _pending(made: Path, out: Path, *, old: str = "old", new: str = "new") -> Path:
    """A folder in which a run was killed just after its files began to count, one of them in place."""
    shutil.copytree(made / old, out)
    names = sorted(_names(made / new))
    for name in names:
        shutil.copy(made / new / name, out / f"{name}.temporary")
    removed = sorted(_names(made / old) - {*names})
    (out / JOURNAL_FILE).write_text(json.dumps({"replace": names, "remove": removed}))
    (out / f"{names[0]}.temporary").rename(out / names[0])
    return out


@pytest.mark.parametrize("name", ["verify", "query", "export", "report", "impute", "impute --dry-run"])
def test_every_command_that_opens_a_folder_completes_it(
    made: Path, tmp_path: Path, vn2pl_command: Commands, name: str
) -> None:
    out = _pending(made, tmp_path / "out")
    words = {
        "verify": ["verify", out],
        "query": ["query", "figures", "--run", out],
        "export": ["export", "--format", "csv", "--run", out, "--to", tmp_path / "sips.csv"],
        "report": ["report", "--run", out, "--to", tmp_path / "report.html"],
        "impute": _impute(made, "new", out),
        "impute --dry-run": [*_impute(made, "new", out), "--dry-run"],
    }[name]
    ended = vn2pl_command.run(*words)
    assert (ended.status, ended.err) == (0, "")
    assert _whose(made, out) == "new"
    assert _names(out) == _names(made / "new")
    assert (out / RUN_FILE).read_bytes() == (made / "new" / RUN_FILE).read_bytes()


def test_a_stopped_backtest_is_completed_too(made: Path, tmp_path: Path, vn2pl_command: Commands) -> None:
    for seed in (1, 2):
        options = ["--config", made / "config.yaml", "--first-seed", seed, "--seeds", 1, "--json"]
        out = tmp_path / "made" / f"{seed}"
        assert vn2pl_command.run("backtest", "--data", made / "new.parquet", *options, "--out", out).status == 0
    out = _pending(tmp_path / "made", tmp_path / "out", old="1", new="2")
    shown = ["--run", made / "new", "--backtest", out, "--to", tmp_path / "report.html"]
    assert vn2pl_command.run("report", *shown)[::2] == (0, "")
    assert _data(out) == _data(tmp_path / "made" / "2")
    assert vn2pl_command.run("verify", out).status == 0


@pytest.mark.parametrize("name", ["backtest", "demo"])
def test_what_other_commands_write_is_one_step_as_well(
    made: Path, tmp_path: Path, vn2pl_command: Commands, name: str
) -> None:
    panel = ["--data", made / "new.parquet", "--config", made / "config.yaml", "--seeds", 1, "--json"]
    words = [name, *{"backtest": panel, "demo": ["--skus", 12, "--weeks", 60]}[name]]
    found = []
    for moment in (4, 8, 13, 17):
        out = tmp_path / str(moment)
        out.mkdir()
        vn2pl_command.run(*words, "--out", out, inside=out, fault=signal.SIGKILL, at=moment)
        roll_forward(out)
        found.append(len(_data(out)))
        assert vn2pl_command.run(*words, "--out", out).status == 0
        assert len(_data(out)) == 2
    assert found == sorted(found)
    assert {*found} == {0, 2}


def test_files_that_cannot_be_put_in_place_are_told_and_stay_for_the_next_command(
    made: Path, tmp_path: Path, vn2pl_command: Commands
) -> None:
    out = _pending(made, tmp_path / "out")
    for words in (["verify", out], ["query", "figures", "--run", out], _impute(made, "new", out)):
        ended = vn2pl_command.run(*words, inside=out, fault=FAIL, at=1 + (words[0] == "impute"))
        told = f"vn2pl: {out}: cannot be written: No space left on device; a run has ended there, and the next command"
        assert (ended.status, ended.err.startswith(told), ended.err.count("\n")) == (2, True, 1)
    assert vn2pl_command.run("verify", out).status == 0
    assert _whose(made, out) == "new"


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"replace": []}',
        b'{"replace": 1, "remove": []}',
        b'{"replace": [], "remove": ["../precious"]}',
        b'{"replace": ["/precious"], "remove": []}',
        b'{"replace": ["a/../../precious"], "remove": []}',
        b'{"replace": [], "remove": [".."]}',
        b'{"replace": [], "remove": ["..\\\\precious"]}',
        b'{"replace": [], "remove": ["run.json\\n"]}',
    ],
)
def test_a_journal_names_files_of_its_folder_or_is_refused(made: Path, tmp_path: Path, journal: bytes) -> None:
    out, precious = _again(made, tmp_path / "out"), tmp_path / "precious"
    (out / JOURNAL_FILE).write_bytes(journal)
    precious.touch()
    for name in ("precious", "precious.temporary"):
        (out / name).touch()
    for opened in (roll_forward, runs.scanned, lambda out: runs.recorded({out: runs.IMPUTE}), _opened):
        with pytest.raises(InputError, match=f"{JOURNAL_FILE}: expected the names of files .* found no such") as error:
            opened(out)
        assert "remove it and run again" in str(error.value)
    assert precious.exists()
    assert _whose(made, out) == "old"
    assert _names(out) == {*_names(made / "old"), JOURNAL_FILE, "precious", "precious.temporary"}


def _opened(out: Path) -> None:
    with output_folder(out):
        pass


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    leftover = tmp_path / "imputed_sips.parquet.temporary"
    with output_folder(tmp_path):
        leftover.touch()
        with pytest.raises(InputError, match="another run is writing there"):
            _opened(tmp_path)
        roll_forward(tmp_path)
        assert leftover.exists()
    _opened(tmp_path)
    assert not leftover.exists()


def test_who_opens_a_folder_waits_for_one_that_puts_files_in_place(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _pending(made, tmp_path / "out")
    monkeypatch.setattr(transactions, "PATIENCE", 0.02)
    monkeypatch.setattr(transactions, "MOMENT", 0.02)
    with transactions._locked(out):
        for opened in (roll_forward, _opened):
            with pytest.raises(InputError, match="another run is"):
                opened(out)
    assert _whose(made, out) == "several"
    monkeypatch.setattr(transactions, "PATIENCE", 60)
    monkeypatch.setattr(transactions, "MOMENT", 60)
    with _let_go_after_two_pauses(out, monkeypatch, puts_in_place=True):
        verify.run(parser().parse_args(["verify", str(out)]))
    assert _whose(made, out) == "new"
    with _let_go_after_two_pauses(out, monkeypatch, puts_in_place=False):
        _opened(out)


@contextmanager
def _let_go_after_two_pauses(out: Path, monkeypatch: pytest.MonkeyPatch, *, puts_in_place: bool) -> Iterator[None]:
    """Hold a folder until whoever wants it has paused twice."""
    pauses = count(1)
    with ExitStack() as held:
        held.enter_context(transactions._locked(out))

        def paused(_: float) -> None:
            if next(pauses) == 2:
                if puts_in_place:
                    transactions._complete(out)
                held.close()

        monkeypatch.setattr("vn2pl.writing.transactions.time.sleep", paused)
        yield
        assert next(pauses) == 3


def _replace(made: Path, name: str, out: Path) -> None:
    """What a run does at its end."""
    with output_folder(out), replacing_set(out) as files:
        for path in sorted((made / name).iterdir()):
            files.write(path.name, partial(shutil.copy, path))
        if name == "new":
            files.remove(NEIGHBOURS_FILE)


def test_files_that_may_not_be_replaced_leave_the_folder_as_it_was(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as another user's in a folder for all: no later command could put the rest in place either."""
    out, replace = _again(made, tmp_path / "out"), os.replace

    def refused(source: Path, target: Path) -> None:
        if target.name != JOURNAL_FILE:
            raise PermissionError(1, "Operation not permitted")
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refused)
        with pytest.raises(InputError, match=r"cannot be written: Operation not permitted$"):
            _replace(made, "new", out)
    assert (_whose(made, out), _names(out)) == ("old", _names(made / "old"))


def test_a_reader_beside_a_writer_sees_one_run(made: Path, tmp_path: Path) -> None:
    out = _again(made, tmp_path / "out")
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for turn in range(40):
                _replace(made, "new" if turn % 2 else "old", out)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while writer.is_alive():
        tables, facts = runs.steadily(lambda: _read(out), out)
        seen.add(facts["data"])
        assert tables == (made / Path(facts["data"]).stem / "imputed_sips.parquet").read_bytes()
    writer.join()
    assert failures == []
    assert len(seen) == 2


def _read(out: Path) -> tuple[bytes, runs.Facts]:
    facts = runs.recorded({out: runs.IMPUTE})[out]
    return (out / "imputed_sips.parquet").read_bytes(), facts


def test_a_run_that_ends_while_another_is_checked_is_no_damage(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, turns, checksum = _again(made, tmp_path / "out"), count(), artifacts.checksum

    def raced(path: Path) -> str:
        if next(turns) == 1:
            _replace(made, "new", out)
        return checksum(path)

    monkeypatch.setattr(artifacts, "checksum", raced)
    assert verify.run(parser().parse_args(["verify", str(out)])) == 0


def test_an_export_is_of_one_run(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from vn2pl.cli import export

    out, turns = _again(made, tmp_path / "out"), count()

    def raced(*_: object) -> None:
        if not next(turns):
            _replace(made, "new", out)

    # Called between the record and the SIPs.
    monkeypatch.setattr(export, "_refuse_nothing", raced)
    export.run(parser().parse_args(["export", "--format", "sipmath", "--trials", "2", "--run", str(out)]))
    library = json.loads(capfdbinary.readouterr().out)
    assert library["provenance"].endswith(json.loads((out / RUN_FILE).read_text())["data_fingerprint"])
    assert len(library["sips"]) == pl.read_parquet(out / "imputed_sips.parquet").n_unique(["Store", "Product", "week"])


def test_ctrl_c_waits_for_the_end_of_the_step_and_is_not_lost() -> None:
    done = []

    def step() -> None:
        with interrupts.put_off():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        done.append("interrupted too late")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
