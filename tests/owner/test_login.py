"""Wrong passwords: the pause grows, parallel guesses do not outrun it, a wrong clock does not last."""

from __future__ import annotations

import threading

import pytest

from tubehome.base import clock
from tubehome.base.errors import Refused, TooMany
from tubehome.owner import login
from tubehome.owner.models import Owner
from tubehome.site import Site
from tubehome.store.db import db

PASSWORD = "correct horse battery"


@pytest.fixture
def owner(site: Site) -> Owner:
    found = login.the_owner()
    assert found is not None
    login.set_password(found, PASSWORD)
    return found


def test_the_pause_grows_and_ends_with_the_right_password(owner: Owner) -> None:
    assert [login.pause(n) for n in (0, 3, 4, 5, 6, 50)] == [0, 0, 2, 4, 8, 600]
    for _ in range(login.FREE_FAILURES):
        with pytest.raises(Refused, match="not the right one"):
            login.log_in("wrong password")
    with pytest.raises(TooMany):
        login.log_in(PASSWORD)
    Owner.update(retry_at=clock.timestamp() - 1).execute()
    assert login.log_in(PASSWORD).id == owner.id
    assert Owner.get().failures == 0


def test_of_parallel_guesses_in_one_instant_one_is_looked_at(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    Owner.update(failures=10, retry_at=0).execute()
    looked: list[str] = []
    monkeypatch.setattr(login, "_matches", lambda password, _: bool(looked.append(password)))
    together = threading.Barrier(8)

    def guess() -> None:
        with db.connection_context():
            together.wait()
            with pytest.raises(Refused):
                login.log_in("wrong password")

    guessers = [threading.Thread(target=guess) for _ in range(8)]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    assert len(looked) == 1


def test_a_pause_written_by_a_wrong_clock_is_over(owner: Owner) -> None:
    Owner.update(failures=10, retry_at=clock.timestamp() + 315_360_000).execute()
    assert login.log_in(PASSWORD).id == owner.id
