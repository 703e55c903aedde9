"""What a Range header asks of a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubehome.web.ranges import Part, Unsatisfiable, wanted

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 999),
        ("bytes=990-", 990, 999),
        ("bytes=10-19", 10, 19),
        ("bytes=999-99999999999999", 999, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-5000", 0, 999),
        ("BYTES = 3-4", 3, 4),
        ("bytes=10-19, 500-600", 10, 19),
        ("bytes=5000-6000,7-8", 7, 8),
        ("bytes=,7-8", 7, 8),
    ],
)
def test_a_part(header: str, start: int, end: int) -> None:
    assert wanted(header, SIZE) == Part(start, end, whole=False)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=a-b", "bytes=5", "bytes=9-5", "bytes=1-2,9-5", "lines=1-2", "bytes=--5",
     "bytes=1-2-3", "bytes=+1-2", "bytes=٣-٤", "bytes=1-99999999999999999999"],
)  # fmt: skip
def test_what_is_not_understood_is_ignored(header: str | None) -> None:
    assert wanted(header, SIZE) == Part(0, 999, whole=True)


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=5000-,6000-"])
def test_nothing_of_it_is_there(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted(header, SIZE)


def test_an_empty_file_has_no_part() -> None:
    assert wanted(None, 0).length == 0
    for header in ("bytes=0-", "bytes=-5"):
        with pytest.raises(Unsatisfiable):
            wanted(header, 0)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=40), st.integers(0, 2000))
def test_a_part_always_lies_in_the_file(header: str, size: int) -> None:
    try:
        part = wanted(header, size)
    except Unsatisfiable:
        return
    assert 0 <= part.start <= part.end + 1 <= size or part.whole
    assert part.whole or part.length > 0
