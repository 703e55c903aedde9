"""FLV whose parameters change: each keyframe gets those that hold there, and what is no FLV changes nothing."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tubehome.base.errors import Interrupted
from tubehome.media.ffmpeg import Tools
from tubehome.media.flv import repeat_parameters

HEAD = b"FLV\1\5" + struct.pack(">I", 9) + bytes(4)


def tag(kind: int, body: bytes, milliseconds: int = 0) -> bytes:
    return struct.pack(">I", kind << 24 | len(body)) + struct.pack(">I", milliseconds << 8) + bytes(3) + body + (
        struct.pack(">I", 11 + len(body))
    )  # fmt: skip


def header(sps: bytes, pps: bytes) -> bytes:
    said = struct.pack(">H", len(sps)) + sps, struct.pack(">H", len(pps)) + pps
    return b"\x17\0\0\0\0\1\x64\0\x1f\xff\xe1" + said[0] + b"\1" + said[1]


def key(data: bytes) -> bytes:
    return b"\x17\1\0\0\0" + data


def rewritten(data: bytes, folder: Path, tools: Tools) -> bytes:
    (folder / "in.flv").write_bytes(data)
    repeat_parameters(folder / "in.flv", folder / "out.flv", tools)
    return (folder / "out.flv").read_bytes()


def test_each_keyframe_gets_the_parameters_that_hold_there(tmp_path: Path, tools: Tools) -> None:
    between = tag(9, b"\x27\1\0\0\0between", 40) + tag(8, b"\xaf\1sound", 41)
    one, two = header(b"gone", b"h1"), header(b"gtwo!", b"h22")
    given = [tag(18, b"places"), tag(9, one), tag(9, key(b"a")), between, tag(9, two, 80), tag(9, key(b"b"), 80)]
    first, second = b"\0\0\0\4gone\0\0\0\2h1", b"\0\0\0\5gtwo!\0\0\0\3h22"
    wanted = [tag(9, one), tag(9, key(first + b"a")), between, tag(9, two, 80), tag(9, key(second + b"b"), 80)]
    assert rewritten(HEAD + b"".join(given), tmp_path, tools) == HEAD + b"".join(wanted)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([tag(8, b"sound"), tag(9, b"\x17\0\0\0\0\1"), tag(9, key(b"x"))])), st.binary())
def test_what_is_no_tag_is_copied_as_it_is(tmp_path: Path, tools: Tools, tags: list[bytes], rubbish: bytes) -> None:
    """A cut header of parameters says nothing."""
    data = HEAD + b"".join(tags) + b"\0" + rubbish
    assert rewritten(data, tmp_path, tools) == data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_rubbish_ends(tmp_path: Path, tools: Tools, rubbish: bytes) -> None:
    rewritten(rubbish, tmp_path, tools)
    rewritten(HEAD + rubbish, tmp_path, tools)
    rewritten(HEAD + tag(9, b"\x17\0\0\0\0" + rubbish) + tag(9, key(b"x")), tmp_path, tools)


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        rewritten(HEAD + tag(8, b"x"), tmp_path, Tools(stop=stop))
