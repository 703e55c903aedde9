"""The time that an upload still takes: `pace.js` in Chromium, fed with made samples, seconds as they would be shown.

A line is told by its bytes a second; the truth is what the same line really took.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

# samples twice a second while bytes move, and a look each second, as the page of uploads does
TELL = """([speeds, total]) => {
    const pace = new Pace(), told = [];
    let here = 0;
    for (const [half, speed] of speeds.entries()) {
        here = Math.min(total, here + speed / 2);
        if (speed) pace.seen(here, 500 * half);
        if (half % 2 === 0) told.push([half / 2, pace.left(total, 500 * half)]);
        if (here === total) return told;
    }
    throw new Error(`${total - here} bytes are left`);
}"""
# a script of the page's own kind: our policy lets no other in
TAKE = """async (address) => {
    const script = Object.assign(document.createElement("script"), {
        type: "module", nonce: document.querySelector("script[nonce]").nonce,
        textContent: `import { Pace } from "${address}"; window.Pace = Pace;`,
    });
    document.head.append(script);
    while (!window.Pace) await new Promise((done) => setTimeout(done, 20));
}"""
MEGA = 1_000_000
HOUR = 2 * 3600


class Told(NamedTuple):
    second: float
    left: float | None  # seconds, as they are said
    truth: float  # seconds that were really left


@pytest.fixture(scope="module")
def line(browser: Browser, served: Callable[..., str], town_of: Callable[[str], Path]) -> Callable[..., list[Told]]:
    """`line(speeds, total)`: what is said second by second; speeds in bytes a second, one for each half second."""
    page, site = browser.new_page(), served("none")
    page.goto(site)
    (module,) = (town_of("none") / "cache").glob("static-*/js/studio/pace.*.js")
    page.evaluate(TAKE, f"/static/js/studio/{module.name}")

    def run(speeds: list[float], total: int) -> list[Told]:
        told = page.evaluate(TELL, [speeds, total])
        end = told[-1][0]
        return [Told(second, left, end - second) for second, left in told]

    return run


def grain(seconds: float) -> int:
    """How precisely it is said."""
    return 10 if seconds < 60 else 60 if seconds < 900 else 300


def noise(number: int) -> list[float]:
    """1 MB/s ± 40 %, the same each time."""
    state, made = number, []
    for _ in range(HOUR):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        made.append(MEGA * (0.6 + 0.8 * state / 2**31))
    return made


def rises(told: list[Told]) -> list[tuple[Told, Told]]:
    said = [one for one in told if one.left is not None]
    return [(one, two) for one, two in itertools.pairwise(said) if two.left > one.left]


def is_sound(told: list[Told]) -> None:
    """Nothing for four seconds, then always something, rounded, never nothing at all, and the last step is ten."""
    assert [one.left for one in told if one.second < 4] == [None] * 4
    said = [one.left for one in told if one.second >= 4]
    assert all(left and left % grain(left) == 0 for left in said), said
    assert said[-1] == 10


@pytest.mark.parametrize("total", [300 * MEGA, 3000 * MEGA])
def test_a_steady_line_is_told_to_the_grain(line: Callable[..., list[Told]], total: int) -> None:
    told = line([MEGA] * HOUR, total)
    is_sound(told)
    assert rises(told) == []
    assert all(abs(one.left - one.truth) <= grain(one.truth) for one in told if one.left)


@pytest.mark.parametrize("total", [300 * MEGA, 3000 * MEGA])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_restless_line_does_not_go_up_and_down(line: Callable[..., list[Told]], total: int, number: int) -> None:
    """The truth falls second by second, so whatever rises is a jump: once at most, by one grain."""
    told = line(noise(number), total)
    is_sound(told)
    assert [two.left - one.left for one, two in rises(told)] in ([], [grain(told[-1].second)])
    assert all(abs(one.left - one.truth) <= grain(one.truth) + 0.1 * one.truth for one in told if one.left)


@pytest.mark.parametrize("after", [60, 250, 285])
def test_a_stop_costs_its_own_time_and_no_more(line: Callable[..., list[Told]], after: int) -> None:
    """Twenty seconds without a byte, early, late, and just before the end."""
    told = line([MEGA] * 2 * after + [0] * 40 + [MEGA] * HOUR, 300 * MEGA)
    is_sound(told)
    assert all(two.left - one.left <= grain(two.left) for one, two in rises(told)), rises(told)
    assert all(one.left <= one.truth + grain(one.truth) for one in told if one.left)


def test_half_the_speed_is_known_within_a_minute_and_not_at_a_blow(line: Callable[..., list[Told]]) -> None:
    told = line([MEGA] * 120 + [MEGA / 2] * HOUR, 300 * MEGA)
    is_sound(told)
    assert 1 <= len(rises(told)) <= 4
    assert all(60 <= one.second < 120 for one, _ in rises(told))
    assert all(abs(one.left - one.truth) <= 1.5 * grain(one.truth) for one in told if one.left and one.second > 120)


def test_a_slow_line_that_is_heard_of_seldom_is_told_as_well(line: Callable[..., list[Told]]) -> None:
    """64 kB each six seconds: its silences are its way, and no stops."""
    told = line([131_072 if half % 12 == 0 else 0 for half in range(HOUR)], 3 * MEGA)
    said = [one for one in told if one.left and one.second > 30]
    assert all(abs(one.left - one.truth) <= grain(one.truth) + 10 for one in said), said
