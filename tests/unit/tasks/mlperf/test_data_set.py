"""Data sets as MLCommons lays them out, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.errors import DataError
from edgeprune.tasks.mlperf.data_set import labelled_files
from edgeprune.tasks.mlperf.measure import Window, median_per_second
from edgeprune.tasks.mlperf.results import performance_text


def stored(folder: Path, labels: str, **files: bytes) -> Path:
    (folder / "y_labels.csv").write_text(labels)
    for name, content in files.items():
        (folder / f"{name}.bin").write_bytes(content)
    return folder


def test_a_file_is_one_window_and_a_series_as_many_as_fit(tmp_path: Path) -> None:
    one = stored(tmp_path, "a.bin, 12, 3\n\nb.bin,2,1, 4, 2\n", a=b"abcd", b=b"01234567")
    first, second = labelled_files(one, 4, None)
    assert (first.name, first.label, first.windows) == ("a.bin", 3, (b"abcd",))
    assert (second.label, second.windows) == (1, (b"0123", b"2345", b"4567"))
    assert len(labelled_files(one, 4, 1)) == 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("", "names no file"),
        ("a.bin, 12\n", "line 1: 'a.bin, 12' is no file with its class"),
        ("a.bin, 12, dog\n", "line 1"),
        ("a.bin, 12, 3, 4, 0\n", "windows of 4 bytes, 0 apart"),
        ("b.bin, 12, 3\n", "b.bin cannot be read"),
        ("a.bin, 12, 3, 3, 1\n", r"3 of them an input; the device takes 4"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path: Path, labels: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        labelled_files(stored(tmp_path, labels, a=b"abcd"), 4, None)


def test_a_file_of_another_size_and_a_folder_without_labels_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 5 B, 4 of them an input; the device takes 4"):
        labelled_files(stored(tmp_path, "a.bin, 2, 0\n", a=b"abcde"), 4, None)
    with pytest.raises(DataError, match="cannot be read"):
        labelled_files(tmp_path / "nowhere", 4, None)


@given(st.lists(st.integers(1, 10**8), min_size=5, max_size=5), st.integers(1, 10**6))
def test_the_result_file_holds_the_median_of_its_windows(times_us: list[int], inferences: int) -> None:
    windows = [Window(inferences, time_us) for time_us in times_us]
    lines = performance_text("about", windows).splitlines()
    rates = sorted(inferences * 1e6 / time_us for time_us in times_us)
    assert median_per_second(windows) == rates[2]
    assert f"ulp-mlperf: Median throughput is {rates[2]:>10.3f} inf./sec." in lines
    assert sum("Throughput" in line for line in lines) == 5 and lines[0] == "ulp-mlperf: about"
