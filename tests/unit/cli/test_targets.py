"""`edgeprune targets`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.hardware.registry import target_files, target_names
from tests.unit.cli.conftest import Cli


def test_list_names_every_target(cli: Cli) -> None:
    rows = cli("targets", "list", "--json").data["targets"]
    assert [row["name"] for row in rows] == target_names()
    by_name = {row["name"]: row for row in rows}
    assert by_name["cortex-m4"]["flash_bytes"] == 262144
    assert by_name["cortex-m4"]["emulator"] == {"machine": "mps2-an386", "target": None}
    assert by_name["raspberry-pi-5"]["flash_bytes"] is None


def test_the_table_shows_the_same(cli: Cli) -> None:
    text = cli("targets", "list").stdout
    assert all(name in text for name in target_names())
    assert "256 KiB" in text


def test_list_can_be_narrowed(cli: Cli) -> None:
    rows = cli("targets", "list", "--family", "android", "--json").data["targets"]
    assert {row["family"] for row in rows} == {"android"}


@pytest.mark.parametrize("name", ["cortex-m4", "nucleo-f446re", "raspberry-pi-5", "android-4gb-8core"])
def test_show_gives_every_fact_and_its_source(cli: Cli, name: str) -> None:
    data = cli("targets", "show", name, "--json").data
    text = cli("targets", "show", name).stdout
    assert data["name"] == name
    for table, source in data["sources"].items():
        assert table in data
        assert source.split()[0] in text
    for loader in data["loaders"]:
        assert loader["note"] in text


def test_show_takes_a_file(cli: Cli) -> None:
    path = str(target_files()["cortex-m7"])
    assert cli("targets", "show", path, "--json").data["name"] == "cortex-m7"


def test_show_of_an_unknown_target_suggests(cli: Cli) -> None:
    outcome = cli("targets", "show", "nucleo-f446", "--json")
    assert outcome.exit_code == 2
    assert "nucleo-f446re" in outcome.data["hint"]


def test_check_passes_the_shipped_files(cli: Cli) -> None:
    files = [str(path) for path in target_files().values()]
    outcome = cli("targets", "check", "--json", *files)
    assert outcome.exit_code == 0
    assert all(row["good"] and row["faults"] == [] for row in outcome.data["checked"])


def test_check_lists_every_fault_of_every_file(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(target_files()["cortex-m4"].read_text().replace("clock_hz", "clock"))
    good = str(target_files()["cortex-m4"])
    outcome = cli("targets", "check", "--json", str(bad), good, str(tmp_path / "none.toml"))
    assert outcome.exit_code == 2
    first, second, third = outcome.data["checked"]
    assert first["faults"] == ["cpu.clock_hz: missing", "cpu.clock: no such key; did you mean clock_hz?"]
    assert second["good"]
    assert "No such file" in third["faults"][0]
    assert "did you mean clock_hz?" in cli("targets", "check", str(bad)).stdout


def test_check_refuses_an_unknown_stand_in(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    text = target_files()["nucleo-f446re"].read_text()
    bad.write_text(text.replace('target = "mps2-an386"', 'target = "mps2-an368"'))
    outcome = cli("targets", "check", "--json", str(bad))
    assert outcome.exit_code == 2
    (fault,) = outcome.data["checked"][0]["faults"]
    assert fault.startswith("emulator.target: no target is called 'mps2-an368'; did you mean mps2-an386")
