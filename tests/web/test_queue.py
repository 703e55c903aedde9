"""The queue page: what is said of each video, and its buttons."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from flask.testing import FlaskClient

from tubehome.base import clock, i18n, ids
from tubehome.base.errors import NoRoom, ToolFailed
from tubehome.flows.outline import planned_steps
from tubehome.jobs import rows
from tubehome.library import queries
from tubehome.library.damage import DAMAGED
from tubehome.library.models import Step, Video
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import Picture as Film
from tubehome.media.probe import Probe
from tubehome.pages.progress import progress, tallies
from tubehome.uploads.models import Upload

QUEUE = "/studio/queue"
STARTS = (0, 2, 10, 26, *range(58, 58 + 60 * 200, 60))  # seconds: of the ranges of a long film


@pytest.fixture
def press(owner: FlaskClient) -> Any:
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get(QUEUE).text)
    assert mark

    def act(video: Video, name: str, script: bool = True) -> Any:
        path = f"{QUEUE}/{ids.shorten(video.uuid)}/{name}"
        accept = "application/json" if script else "text/html"
        return owner.post(path, data={"csrf_token": mark[1]}, headers={"Accept": accept})

    return act


def section(page: str, video: Video) -> str:
    found = re.search(rf'<li data-key="{ids.shorten(video.uuid)}">.*?</li>', page, re.DOTALL)
    return found[0] if found else ""


def test_what_waits_and_what_has_stopped(owner: FlaskClient, seeded: Any) -> None:
    page = owner.get(QUEUE).text
    assert "Attend son tour" in section(page, seeded.preparing)
    assert "Arrêtée" in section(page, seeded.failed)
    assert section(page, seeded.public[0]) == ""
    assert section(page, seeded.binned) == ""


def test_what_is_done_says_step_and_speed(owner: FlaskClient, seeded: Any) -> None:
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    Step.update(state=rows.RUNNING, kind="range", number=1, progress=0.5, started_at=clock.timestamp() - 20).where(
        Step.id == step.id
    ).execute()
    Video.update(duration=80).where(Video.id == seeded.preparing.id).execute()
    said = section(owner.get(f"{QUEUE}/rows").text, seeded.preparing)
    assert "l’image du film" in said, "no number where there is one part"
    assert "2 × le temps réel" in said.replace("\xa0", " ")


def test_what_waits_for_room_says_so_and_when(owner: FlaskClient, seeded: Any) -> None:
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    error = NoRoom("The disk is full: the preparation goes on by itself when there is room.")
    Step.update(next_try=clock.timestamp() + 60, last_error=error.to_json()).where(Step.id == step.id).execute()
    said = section(owner.get(QUEUE).text, seeded.preparing)
    assert "Le disque est plein" in said
    assert "Nouvel essai à" in said


def test_buttons(seeded: Any, press: Any, owner: FlaskClient) -> None:
    video = seeded.preparing
    assert "est en pause" in press(video, "hold").json["done"]
    assert "En pause, par vous" in section(owner.get(QUEUE).text, video)
    assert press(video, "resume").status_code == 200
    assert press(video, "first").status_code == 200
    assert "passe devant les autres" in section(owner.get(QUEUE).text, video)
    assert press(video, "usual").status_code == 200
    assert Video.get_by_id(video.id).priority == 0
    assert press(video, "enough").status_code == 400
    assert press(video, "drop").status_code == 200
    assert Video.get_by_id(video.id).removed
    assert press(video, "hold").status_code == 400
    assert press(seeded.failed, "again", script=False).status_code == 303


def test_files_being_looked_at_are_there_too(owner: FlaskClient, seeded: Any) -> None:
    Upload.create(state=rows.WAITING, uuid=ids.new_uuid(), name="séance.mts", length=1, created_at=0, expires_at=0)
    assert "séance.mts" in owner.get(QUEUE).text


def test_five_hundred_videos_wait(owner: FlaskClient, seeded: Any) -> None:
    base = Video.select().where(Video.id == seeded.preparing.id).dicts().get()
    del base["id"]
    Video.insert_many([{**base, "uuid": ids.new_uuid()} for _ in range(500)]).execute()
    page = owner.get(QUEUE)
    assert page.status_code == 200
    assert "autres vidéos attendent" in page.text


def test_nothing_waits(owner: FlaskClient) -> None:
    assert "Rien n’attend" in owner.get(QUEUE).text


def test_what_is_being_done_is_shown_however_many_come_before_it(owner: FlaskClient, seeded: Any) -> None:
    base = Video.select().where(Video.id == seeded.preparing.id).dicts().get()
    del base["id"]
    Video.update(playable_at=clock.timestamp()).where(Video.id == seeded.preparing.id).execute()
    Video.insert_many([{**base, "uuid": ids.new_uuid(), "playable_at": None} for _ in range(150)]).execute()
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    Step.update(state=rows.RUNNING).where(Step.id == step.id).execute()
    assert "En ce moment" in section(owner.get(QUEUE).text, seeded.preparing)


def made_of(video: Video, *states: str) -> None:
    """The video's steps: a range in each of these states, and its append."""
    end = STARTS[len(states) - 1] + 4.0
    old = Film(
        codec="mpeg4", profile="", pix_fmt="yuv420p", width=640, height=360, coded_width=640, coded_height=360,
        rotation=0, sar=Fraction(1), rate=Fraction(25), time_base=Fraction(1, 1000), p0=0, packets=100,
        interlaced=False, transfer="", bit_rate=None, end=end, usual_rate=Fraction(25),
    )  # fmt: skip
    film = plan(Probe("matroska", 1_000_000, old.end, old, None, timestamp_jump=False), Policy())
    Step.delete().where(Step.video == video).execute()
    Video.update(plan=film.to_json(), duration=film.duration).where(Video.id == video.id).execute()
    said = {"skipped": {"state": rows.DONE, "made": '{"given_up": true}'}}
    now = clock.timestamp()
    for step in planned_steps(film):
        ranged = said.get(states[step["number"]], {"state": states[step["number"]]}) if step["kind"] == "range" else {}
        times = {"started_at": now - 40, "finished_at": now - 20} if ranged.get("state") == rows.DONE else {}
        Step.create(video=video, **{**step, **ranged, **times})


def test_the_parts_of_a_film_are_drawn_and_told(owner: FlaskClient, seeded: Any) -> None:
    video = seeded.preparing
    made_of(video, "done", "skipped", "running", "waiting", "waiting")
    said = section(owner.get(QUEUE).text, video)
    assert re.findall(r'<i data-state="(\w+)">', said) == ["there", "skipped", "doing", "waiting", "waiting"]
    assert 'aria-label="1 partie sur 5 est là, 1 est en cours, 1 est laissée de côté"' in said
    page = owner.get(f"/studio/videos/{ids.shorten(video.uuid)}").text
    assert "À préparer\xa0: 360p" in page
    assert "Recodée en entier" in page


def test_what_failed_is_shown_though_something_runs(owner: FlaskClient, seeded: Any) -> None:
    video = seeded.failed
    made_of(video, "done", "failed", "running")
    Step.update(last_error=ToolFailed("ffmpeg could not work with this video.").to_json(), detail="line 1").where(
        Step.video == video, Step.state == rows.FAILED
    ).execute()
    said = section(owner.get(QUEUE).text, video)
    assert "line 1" in said
    assert "arrêté à 0:02" in said
    assert "en cours" not in said, "what still ends does not go on"
    assert "line 1" in owner.get(f"/studio/videos/{ids.shorten(video.uuid)}").text


def test_a_long_film_has_sixty_cells_and_none_hides_a_failure(owner: FlaskClient, seeded: Any) -> None:
    made_of(seeded.failed, *["done"] * 100, "failed", *["waiting"] * 79)
    cells = re.findall(r'<i data-state="(\w+)">', section(owner.get(QUEUE).text, seeded.failed))
    assert len(cells) == 60
    assert (cells[:33], cells[33], set(cells[34:])) == (["there"] * 33, "failed", {"waiting"})


def test_what_waits_says_how_long_it_takes_here(owner: FlaskClient, seeded: Any) -> None:
    made_of(seeded.failed, *["done"] * 6, "waiting")  # 178 s of film in 40 s of work
    made_of(seeded.preparing, *["waiting"] * 90)
    assert re.search(r"environ \d+\s+min", section(owner.get(QUEUE).text, seeded.preparing))
    page = owner.get(f"/studio/videos/{ids.shorten(seeded.preparing.uuid)}").text
    assert re.search(r"Environ \d+\s+min", page)


def test_the_database_counts_as_one_would(owner: FlaskClient, seeded: Any) -> None:
    made_of(seeded.preparing, "done", "running", "waiting")
    Step.update(progress=0.5).where(Step.state == rows.RUNNING).execute()
    steps = queries.steps(seeded.preparing)
    tally = tallies([seeded.preparing.id, seeded.failed.id])[seeded.preparing.id]
    ranges = [step for step in steps if step.kind == "range"]
    assert tally.weight == pytest.approx(sum(step.weight for step in steps))
    assert tally.done == pytest.approx(ranges[0].weight + ranges[1].weight / 2)
    assert (tally.ranges, tally.ranges_done) == (3, 1)
    assert tally.now == ranges[1]
    assert tally.doing == (ranges[1],)
    assert tally.worked == pytest.approx(tally.done - ranges[1].weight / 2), "what runs has not said when it began"
    assert tallies([]) == {}


def test_the_owner_is_asked_about_every_damaged_part(owner: FlaskClient, seeded: Any) -> None:
    video = seeded.failed
    made_of(video, "done", "failed", "done", "failed", "waiting", "failed")
    said, asked, button = _asked(owner, video)
    assert "À 0:02, 0:26 et 1:58, le film est abîmé" in said
    assert "des 3 passages abîmés" in asked
    assert button == "Continuer sans ces 3 passages"
    made_of(video, "done", "failed", "waiting")
    said, asked, button = _asked(owner, video)
    assert "À 0:02, le film est abîmé" in said
    assert "du passage abîmé" in asked
    assert button == "Continuer sans ce passage"


def _asked(owner: FlaskClient, video: Video) -> tuple[str, str, str]:
    """With all that failed damaged: the video's row of the queue, what is asked before it goes on, its button.

    Its page in the studio, the list of today and its public page say the same.
    """
    for step in Step.select().where(Step.video == video, Step.state == rows.FAILED):
        error = ToolFailed(DAMAGED, time=i18n.clock(STARTS[step.number]))
        Step.update(last_error=error.to_json()).where(Step.id == step.id).execute()
    row = section(owner.get(QUEUE).text, video)
    found = re.search(r'data-act="skip" data-sure="([^"]+)">.*?</svg>([^<]+)</button>', row)
    sentence = re.search(r"À [^<]*le film est abîmé[^<]*", row)
    assert found
    assert sentence
    short = ids.shorten(video.uuid)
    for path in (f"/studio/videos/{short}", "/studio/", f"/w/{short}"):
        assert sentence[0] in owner.get(path).text, path
    assert found[1] in owner.get(f"/studio/videos/{short}").text
    return sentence[0], found[1], found[2]


def test_a_stopped_video_has_every_way_out_on_its_page(owner: FlaskClient, seeded: Any) -> None:
    page = owner.get(f"/studio/videos/{ids.shorten(seeded.failed.uuid)}").text
    note = page[page.index('role="alert"') : page.index('id="retry"')]
    assert re.findall(r'form="(\w+)"', note) == ["retry", "discard"]
    assert 'href="/studio/queue"' in note
    Video.update(out_at=clock.timestamp()).where(Video.id == seeded.failed.id).execute()
    assert 'form="enough"' in owner.get(f"/studio/videos/{ids.shorten(seeded.failed.uuid)}").text


def test_what_can_be_watched_is_said_of_what_can_be_watched(seeded: Any) -> None:
    made_of(seeded.preparing, "done", "done", "running")
    Step.update(state=rows.DONE).where(
        Step.video == seeded.preparing, Step.kind == "append", Step.number == 0
    ).execute()
    assert progress(Video.get_by_id(seeded.preparing.id)).available is None
    Video.update(playable_at=clock.timestamp()).where(Video.id == seeded.preparing.id).execute()
    assert progress(Video.get_by_id(seeded.preparing.id)).available == pytest.approx(2)


def test_no_time_is_promised_from_next_to_nothing(owner: FlaskClient, seeded: Any) -> None:
    made_of(seeded.failed, *["done"] * 6, "waiting")
    made_of(seeded.preparing, "running", *["waiting"] * 90)
    begun = clock.timestamp() - 60
    Step.update(started_at=begun, progress=0.01).where(Step.video == seeded.preparing, Step.number == 0).execute()
    said = section(owner.get(QUEUE).text, seeded.preparing)
    assert "En ce moment" in said
    assert "temps réel" not in said, "not 0 times"
    assert "encore" not in said
    page = owner.get(f"/studio/videos/{ids.shorten(seeded.preparing.uuid)}").text
    assert ("Environ" in page, bool(re.search("data-words>[^<]*encore", page))) == (True, False), "one estimate"
    Step.update(progress=1, state=rows.DONE, finished_at=clock.timestamp()).where(
        Step.video == seeded.preparing, Step.number == 0
    ).execute()
    Step.update(state=rows.RUNNING, started_at=begun).where(
        Step.video == seeded.preparing, Step.kind == "range", Step.number == 1
    ).execute()
    page = owner.get(f"/studio/videos/{ids.shorten(seeded.preparing.uuid)}").text
    assert ("Environ" in page, bool(re.search("data-words>[^<]*encore", page))) == (False, True), "the other one"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Se regarde déjà, d’autres tailles suivent"),
        ({"sizes": True}, "Se regarde déjà, la préparation s’achève"),
        ({"room": True}, "Attend de la place"),
        ({"held_at": 1.0}, "En pause"),
    ],
)
def test_how_a_video_stands_is_said_as_it_is(
    owner: FlaskClient, seeded: Any, change: dict[str, Any], said: str
) -> None:
    video = seeded.waiting
    made_of(video, "done", "done", "waiting")
    if change.get("sizes"):
        late = ("progressive", "inside", "storyboard", "release")
        Step.update(state=rows.DONE).where(Step.video == video, Step.kind.not_in(late)).execute()
    if change.get("room"):
        error = NoRoom("The disk is full: the preparation goes on by itself when there is room.")
        Step.update(next_try=clock.timestamp() + 60, last_error=error.to_json()).where(
            Step.video == video, Step.state == rows.WAITING
        ).execute()
    if "held_at" in change:
        Video.update(**change).where(Video.id == video.id).execute()
    short = ids.shorten(video.uuid)
    listed = re.search(rf'<tr data-row="{short}".*?</tr>', owner.get("/studio/videos").text, re.DOTALL)
    assert listed
    for page in (listed[0], owner.get(f"/studio/videos/{short}").text):
        assert said in page
        assert ('class="is-paused"' in page) == (change.get("room", False) or "held_at" in change)


def test_a_file_that_waits_for_room_does_not_look_just_received(owner: FlaskClient, seeded: Any) -> None:
    error = NoRoom("The disk is full: the preparation goes on by itself when there is room.")
    Upload.create(
        state=rows.WAITING, uuid=ids.new_uuid(), name="a.mts", length=1, created_at=0, expires_at=0,
        last_error=error.to_json(),
    )  # fmt: skip
    page = owner.get(QUEUE).text
    assert "Attend de la place" in page
    assert "tout juste reçu" not in page
