"""Backups of documents and the way back, as an operator uses them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import command, configure, private_home, right
from tests.ports.test_document_dumps import stand_in

METHOD = "run_backups.backup_mongo_data_as_dump"


@pytest.fixture
def backed_up(own: Path) -> Path:
    """A home with contracts, and one backup."""
    right(own, "method", "run_daily_prices_updates.update_sampled_contracts")
    right(own, "method", METHOD)
    return own


def only_backup(home: Path) -> Path:
    (row,) = right(home, "backup", "show", "--json").json
    return Path(row["folder"])


def test_a_backup_brings_documents_back(backed_up: Path, tmp_path: Path) -> None:
    """Into an empty home goes everything that the backup has; instruments and contracts are shown as before."""
    right(backed_up, "pause", "run_daily_prices_updates")
    before = right(backed_up, "contracts", "show", "WHEAT", "--json").json
    assert before
    folder = only_backup(backed_up)
    assert right(backed_up, "backup", "check", str(folder)).out.endswith(" files are whole\n")
    with private_home(tmp_path / "other") as other:
        configure(other, (backed_up / "private_config.yaml").read_text())
        assert right(other, "restore", str(folder)).out.startswith("restored ")
        assert right(other, "contracts", "show", "WHEAT", "--json").json == before
        controls = {row["process"]: row["control"] for row in right(other, "status", "--json").json["processes"]}
        assert controls["run_daily_prices_updates"] == "GO"


def test_a_home_with_documents_is_not_overwritten(backed_up: Path) -> None:
    """It is refused without --replace, which removes what came after the backup."""
    folder = only_backup(backed_up)
    right(backed_up, "pause", "run_daily_prices_updates")
    refused = command(backed_up, "restore", str(folder))
    assert refused.code == 4
    assert "--replace" in refused.err
    right(backed_up, "restore", str(folder), "--replace")
    controls = {row["process"]: row["control"] for row in right(backed_up, "status", "--json").json["processes"]}
    assert controls["run_daily_prices_updates"] == "GO"


def test_a_damaged_backup_is_told_and_changes_nothing(backed_up: Path) -> None:
    """A changed byte, a missing file and a folder without a manifest are each one message, exit 1."""
    folder = only_backup(backed_up)
    before = right(backed_up, "contracts", "show", "WHEAT", "--json").json
    path = folder / "contracts.bson"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for spoil, told in (
        (lambda: None, "SHA-256"),
        (path.unlink, "missing"),
        ((folder / "manifest.json").unlink, "no co"),
    ):
        spoil()
        done = command(backed_up, "restore", str(folder), "--replace")
        assert (done.code, told in done.err, "Traceback" in done.err) == (1, True, False), done.err
    assert right(backed_up, "contracts", "show", "WHEAT", "--json").json == before
    assert command(backed_up, "restore", str(folder / "absent")).code == 2


def test_a_backup_that_was_cut_off_is_not_one(backed_up: Path) -> None:
    """What a killed backup left is no backup, and the next one removes it."""
    folder = only_backup(backed_up)
    part = folder.with_name("mongo-20200101T000000Z.part")
    shutil.copytree(folder, part)
    assert only_backup(backed_up) == folder
    shutil.rmtree(folder)
    right(backed_up, "method", METHOD)
    assert not part.exists()
    assert only_backup(backed_up).name == folder.name


def test_only_the_newest_are_kept(own: Path) -> None:
    """With `keep`, older ones are removed once a newer one is complete."""
    text = (own / "private_config.yaml").read_text() + "backups: {keep: 2}\n"
    for hour in (1, 2, 3):
        configure(own, text.replace("2023-02-28", f"2023-02-28T0{hour}:00"))
        (own / "run" / "clock").unlink(missing_ok=True)
        right(own, "method", METHOD)
    made = [row["made_at"][:13] for row in right(own, "backup", "show", "--json").json]
    assert made == ["2023-02-28T03", "2023-02-28T02"]


def test_a_target_that_cannot_be_written_is_exit_3(own: Path, tmp_path: Path) -> None:
    """One message that names the place; older backups stay."""
    right(own, "method", METHOD)
    (tmp_path / "file").write_text("")
    configure(own, (own / "private_config.yaml").read_text() + f"backups: {{folder: {tmp_path / 'file'}}}\n")
    done = command(own, "method", METHOD)
    assert done.code in (2, 3), done.err
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err
    assert len(list((own / "backups").iterdir())) == 1
    assert json.loads((next((own / "backups").iterdir()) / "manifest.json").read_text())["kind"] == "mongo"


def test_a_configured_mongodump_makes_the_backup(own: Path, tmp_path: Path) -> None:
    """What it wrote is checked, verified by a restore, and brings documents back; its failure is one message."""
    text = (own / "private_config.yaml").read_text()
    program = stand_in(tmp_path, "sys.exit('no such database')")
    configure(own, f"{text}\nbackups:\n  mongodump: {program}\n")
    failed = command(own, "method", METHOD)
    assert failed.code == 3
    assert f"{tmp_path / 'mongodump'} ended with exit code 1: no such database; see that it fits" in failed.err
    stand_in(tmp_path)
    right(own, "method", METHOD)
    folder = only_backup(own)
    assert right(own, "backup", "verify").code == 0
    before = right(own, "instruments", "show", "--json").json
    right(own, "restore", str(folder), "--replace")
    assert right(own, "instruments", "show", "--json").json == before
