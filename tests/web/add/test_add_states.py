"""Every state of an upload in Chromium: paused, given up, in line, half here, refused, logged out, killed."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AXE = (Path(__file__).parents[1] / "vendor/axe-core/axe.min.js").read_text()
SLOW = 700_000  # bytes a second


def pieces(studio: Any) -> list[int]:
    """Where each piece that will be sent begins: bytes."""
    begun: list[int] = []
    offset = "upload-offset"
    studio.page.on("request", lambda r: begun.append(int(r.headers[offset])) if r.method == "PATCH" else None)
    return begun


def other(film: Path, number: int) -> bytes:
    """The same film in other bytes, as one house takes none twice: with a last box that nobody reads."""
    return film.read_bytes() + b"\0\0\0\x0cfree%04d" % number


def findings(page: Any) -> list[str]:
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} {[node['html'][:160] for node in v['nodes'][:3]]}" for v in found["violations"]]


def test_paused_and_resumed_it_goes_on_where_it_was(place: Any, studio: Any, noise: Callable) -> None:
    film, begun = noise("pause.mp4", 12), pieces(studio)  # (what a machine holds back still travels after a pause)
    place.road.rate = 3 * SLOW
    studio.choose(film)
    studio.wait(lambda: place.here > 0.3 * film.stat().st_size)
    studio.act("pause.mp4", "pause")
    assert studio.until("pause.mp4", "paused")
    assert "rien n’est perdu" in studio.row("pause.mp4").inner_text()
    assert studio.page.evaluate("document.activeElement.dataset.act") == "resume"
    place.road.rate = 0
    studio.act("pause.mp4", "resume")
    studio.until("pause.mp4", "checking", "refused")
    assert begun[0] == 0
    assert begun[1] > 0.3 * film.stat().st_size


def test_given_up_only_after_a_question_and_then_nothing_is_left(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    studio.choose(noise("away.mp4", 4))
    studio.wait(lambda: studio.sent("away.mp4") > 0.1)
    assert place.incoming
    studio.act("away.mp4", "cancel")
    assert studio.page.evaluate("document.activeElement.dataset.act") == "keep"
    studio.act("away.mp4", "keep")
    assert studio.state("away.mp4") == "sending"
    assert studio.page.evaluate("document.activeElement.dataset.act") == "cancel"
    studio.act("away.mp4", "cancel")
    studio.act("away.mp4", "sure")
    studio.wait(lambda: not studio.names())
    studio.wait(lambda: place.database("SELECT count(*) FROM upload") == [(0,)] and not place.incoming)


def test_several_files_go_one_after_the_other_in_the_order_that_is_chosen(
    place: Any, studio: Any, noise: Callable
) -> None:
    place.road.rate = SLOW
    files = [noise(f"{name}.mp4", 1) for name in ("one", "two", "three", "four")]
    studio.choose(*files)
    studio.wait(lambda: len(studio.names()) == 4)
    studio.until("one.mp4", "sending")
    assert [studio.state(f"{name}.mp4") for name in ("two", "three", "four")] == ["waiting"] * 3
    up = studio.row("four.mp4").locator("[data-act=up]")
    up.focus()
    studio.page.keyboard.press("Enter")
    assert studio.names() == ["one.mp4", "two.mp4", "four.mp4", "three.mp4"]
    assert up.evaluate("(button) => button === document.activeElement")
    studio.page.keyboard.press("Enter")
    assert studio.names() == ["one.mp4", "four.mp4", "two.mp4", "three.mp4"]
    studio.act("two.mp4", "down")
    assert studio.names() == ["one.mp4", "four.mp4", "three.mp4", "two.mp4"]
    began: list[str] = []
    while len(began) < 4:
        now = studio.page.locator(".upload[data-state=sending] [data-name]").all_inner_texts()
        assert len(now) <= 1
        began += [name for name in now if name not in began]
        studio.page.wait_for_timeout(30)
    assert began == ["one.mp4", "four.mp4", "three.mp4", "two.mp4"]


def test_after_a_reload_the_same_file_goes_on_where_it_was(place: Any, studio: Any, noise: Callable) -> None:
    film = noise("long.mp4", 4)
    place.road.rate = SLOW
    studio.choose(film)
    studio.row("long.mp4").locator("[name=title]").fill("Avant la coupure")
    studio.saved("long.mp4")
    studio.wait(lambda: place.here > 0.4 * film.stat().st_size)
    studio.page.on("dialog", lambda dialog: dialog.accept())
    place.road.close()
    studio.until("long.mp4", "lost")
    place.road.open()
    studio.page.reload()
    studio.until("long.mp4", "known")
    text = studio.row("long.mp4").inner_text()
    assert "Choisissez à nouveau le même fichier" in text
    assert re.search(r"gardés jusqu’au \d", text)
    assert studio.row("long.mp4").locator("[name=title]").input_value() == "Avant la coupure"
    place.road.rate, begun = 0, pieces(studio)
    # under another name and date, as a telephone gives it: its bytes tell
    twin = film.with_name("document-7.mp4")
    twin.write_bytes(film.read_bytes())
    os.utime(twin, (1, 1))
    with studio.page.expect_file_chooser() as chosen:
        studio.act("long.mp4", "choose")
    chosen.value.set_files(twin)
    studio.until("long.mp4", "checking", "refused")
    assert studio.names() == ["long.mp4"]
    assert len(begun) == 1
    assert begun[0] > 0.4 * film.stat().st_size


def test_another_file_of_the_same_name_is_told_apart(place: Any, studio: Any, noise: Callable) -> None:
    film, other = noise("clip.mp4", 3), noise("clip.mp4", 1.5, within="other")
    same_length = noise("clip.mp4", 3, within="third")
    place.road.rate = SLOW
    studio.choose(film)
    studio.wait(lambda: studio.sent("clip.mp4") > 0.2)
    studio.page.on("dialog", lambda dialog: dialog.accept())
    studio.page.reload()
    studio.until("clip.mp4", "known")
    studio.choose(other)
    row = studio.row("clip.mp4")
    studio.wait(lambda: "C’est un autre fichier" in row.inner_text(), told=row.inner_text)
    assert "3\N{NO-BREAK SPACE}Mo, celui-ci 1,5\N{NO-BREAK SPACE}Mo" in row.inner_text()
    studio.choose(same_length)
    studio.wait(lambda: "de contenu différent" in row.inner_text(), told=row.inner_text)
    row.locator("[data-act=anew]").click()
    studio.wait(lambda: studio.names() == ["clip.mp4", "clip.mp4"])
    assert [row.get_attribute("data-state") for row in studio.page.locator(".upload").all()] == ["known", "sending"]


def test_what_is_no_film_is_said_before_a_byte_travels(place: Any, studio: Any, tmp_path: Path) -> None:
    slides = tmp_path / "diaporama.pptx"
    slides.write_bytes(b"PK\x03\x04" + bytes(500_000))
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + bytes(5000))
    empty = tmp_path / "vide.mp4"
    empty.touch()
    studio.choose(slides, photo, empty)
    for name, said in (
        ("diaporama.pptx", "n’est pas une vidéo|pas une vidéo. Exportez-le en MP4"),
        ("photo.jpg", "est une image"),
        ("vide.mp4", "est vide"),
    ):
        studio.until(name, "refused")
        assert re.search(said, studio.row(name).inner_text())
    assert place.database("SELECT count(*) FROM upload") == [(0,)]
    studio.act("diaporama.pptx", "dismiss")
    studio.wait(lambda: studio.names() == ["photo.jpg", "vide.mp4"])
    assert studio.page.evaluate("document.activeElement.closest('.upload') !== null")


def test_what_the_server_refuses_stays_until_it_is_dismissed(place: Any, studio: Any, noise: Callable) -> None:
    studio.choose(noise("casse.mp4", 0.5))
    studio.until("casse.mp4", "refused")
    said = studio.row("casse.mp4").locator("[data-trouble]").inner_text()
    assert "casse.mp4" in said
    studio.page.reload()
    studio.until("casse.mp4", "refused")
    assert studio.row("casse.mp4").locator("[data-trouble]").inner_text() == said
    studio.act("casse.mp4", "dismiss")
    studio.wait(lambda: not studio.names())
    studio.page.reload()
    assert not studio.names()


def test_what_waits_for_room_can_be_given_up(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    film = noise("plein.mp4", 3)
    studio.choose(film)
    studio.wait(lambda: place.here > 0)
    place.road.close()
    studio.page.on("dialog", lambda dialog: dialog.accept())
    place.incoming[0].write_bytes(film.read_bytes())
    said = {
        "text": "The disk is full: the preparation goes on by itself when there is room.",
        "values": {},
        "status": 507,
    }
    waits = "UPDATE upload SET state = 'waiting', next_try = unixepoch() + 1800, last_error = ?"
    place.database(waits, json.dumps(said))
    place.road.open()
    studio.page.reload()
    studio.until("plein.mp4", "checking")
    shown = studio.row("plein.mp4").inner_text()
    assert "Attend de la place" in shown
    assert "reprend" in shown
    studio.act("plein.mp4", "cancel")
    studio.act("plein.mp4", "sure")
    studio.wait(lambda: not studio.names())
    studio.wait(lambda: place.database("SELECT count(*) FROM upload") == [(0,)] and not place.incoming)


def test_what_could_not_be_looked_at_is_looked_at_again_by_its_button(
    place: Any, studio: Any, noise: Callable, short_clip: Path
) -> None:
    # given a file that came whole, of which the looking failed (half a file, made whole behind the server's back)
    place.road.rate = SLOW
    studio.choose(noise("encore.mp4", 3))
    studio.wait(lambda: place.here > 0)
    place.road.close()
    studio.page.on("dialog", lambda dialog: dialog.accept())
    film = other(short_clip, 1)
    place.incoming[0].write_bytes(film)
    said = json.dumps({"text": "Something unexpected went wrong while the file was looked at.", "values": {}})
    failed = "UPDATE upload SET state = 'failed', attempts = 5, length = ?, last_error = ?"
    place.database(failed, len(film), said)
    place.road.open()
    studio.go()
    assert studio.until("encore.mp4", "refused")
    assert "imprévu" in studio.row("encore.mp4").locator("[data-trouble]").inner_text()
    studio.act("encore.mp4", "retry")
    studio.until("encore.mp4", "done", "ready")
    assert place.database("SELECT count(*) FROM upload WHERE video_id IS NOT NULL") == [(1,)]
    assert studio.row("encore.mp4").locator("[data-act=retry]").is_hidden()


def test_logged_out_meanwhile_it_goes_on_after_a_login_in_another_tab(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    studio.choose(noise("out.mp4", 12))  # still on its way when everybody is logged out, on a busy machine too
    studio.wait(lambda: studio.sent("out.mp4") > 0.1)
    place.house.run("owner", "password", stdin="correct horse battery\n", check=0)  # ends every session
    place.road.cut()
    studio.until("out.mp4", "out")
    assert "déconnecté" in studio.row("out.mp4").inner_text()
    assert studio.page.locator("[data-toast]").is_hidden()  # the row says it
    with studio.page.context.expect_page() as opened:
        studio.act("out.mp4", "login")
    tab = opened.value
    tab.fill("#password", "correct horse battery")
    tab.click("form button[data-kind=main]")
    tab.wait_for_url("**/studio/")
    tab.close()
    place.road.rate = 0
    studio.until("out.mp4", "checking", "refused", seconds=40)
    studio.page.reload()
    assert studio.names() == ["out.mp4"]


def test_what_was_said_to_be_saved_outlives_a_kill_of_the_web(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    studio.choose(noise("kill.mp4", 12))
    studio.wait(lambda: studio.sent("kill.mp4") > 0.2)
    row = studio.row("kill.mp4")
    row.locator("[name=title]").fill("Dit avant")
    row.locator("[name=description]").fill("Deux lignes\nde texte")
    studio.saved("kill.mp4")
    web = place.web()
    place.road.close(2)  # or Chromium sends the piece again by itself, as soon as there is somebody to take it
    os.kill(web, signal.SIGKILL)
    row.locator("[name=title]").fill("Dit pendant")
    studio.until("kill.mp4", "lost")
    (kept,) = place.database("SELECT title, description FROM upload")
    assert kept[1] == "Deux lignes\nde texte"
    assert kept[0] in ("Dit avant", "Dit pendant")
    studio.saved("kill.mp4")  # tried again until it is
    assert place.database("SELECT title FROM upload") == [("Dit pendant",)]
    place.road.rate = 0
    studio.until("kill.mp4", "checking", "refused")


def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    studio.choose(noise("field.mp4", 3))
    row = studio.row("field.mp4")
    title = row.locator("[name=title]")
    title.evaluate("(field) => { field.maxLength = 500; }")
    title.fill("x" * 150)
    studio.wait(lambda: title.get_attribute("aria-invalid") == "true")
    assert "trop long" in row.locator("[data-error=title]").inner_text()
    assert "signalé" in row.locator("[data-saved]").inner_text()
    title.fill("Court <script>alert(1)</script>")
    studio.saved("field.mp4")
    assert title.get_attribute("aria-invalid") is None
    assert row.locator("[data-error=title]").is_hidden()
    row.locator("[name=privacy]").select_option("private")
    row.locator("[name=language]").select_option("oc")
    studio.saved("field.mp4")
    studio.wait(lambda: place.database("SELECT visibility, language FROM upload") == [("private", "oc")])
    assert place.database("SELECT title FROM upload") == [("Court <script>alert(1)</script>",)]


def test_leaving_warns_while_bytes_travel_and_only_then(place: Any, studio: Any, noise: Callable) -> None:
    page, asked = studio.page, []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    place.road.rate = SLOW
    studio.choose(noise("leave.mp4", 3))
    studio.until("leave.mp4", "sending")
    page.locator("h1").click()  # browsers warn only for a page that somebody has used
    assert page.locator("[data-stay]").is_visible()
    assert re.match(r"\d+ % – Ajouter", page.title().replace("\N{NO-BREAK SPACE}", " "))
    page.locator(".studio-nav a[href='/studio/queue']").click(no_wait_after=True)
    studio.wait(lambda: asked == ["beforeunload"])
    studio.act("leave.mp4", "pause")
    studio.until("leave.mp4", "paused")
    place.road.rate = 0
    studio.act("leave.mp4", "resume")
    studio.until("leave.mp4", "checking", "refused")
    assert page.locator("[data-stay]").is_hidden()
    page.locator(".studio-nav a[href='/studio/queue']").click()
    page.wait_for_url("**/studio/queue")
    assert asked == ["beforeunload"]


def test_a_copied_file_may_be_pasted(studio: Any) -> None:
    studio.page.evaluate("""() => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(5000)], "colle.mp4", {type: "video/mp4"}));
        dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
    }""")
    studio.wait(lambda: studio.names() == ["colle.mp4"])


def test_the_same_file_twice_is_said_and_not_sent_twice(place: Any, studio: Any, noise: Callable) -> None:
    place.road.rate = SLOW
    film = noise("twice.mp4", 2)
    studio.choose(film)
    studio.until("twice.mp4", "sending")
    studio.choose(film)
    aside = studio.page.locator("[data-aside]")
    studio.wait(aside.is_visible)
    assert aside.inner_text() == "twice.mp4 est déjà dans la liste."
    assert studio.names() == ["twice.mp4"]


def test_an_upload_of_another_window_is_seen_to_grow(
    place: Any, studio: Any, studio_of: Callable, noise: Callable
) -> None:
    place.road.rate = 250_000
    studio.choose(noise("seen.mp4", 3))
    studio.until("seen.mp4", "sending")
    other = studio_of(place)
    other.log_in()
    other.go()
    other.until("seen.mp4", "elsewhere")
    assert "depuis une autre fenêtre" in other.row("seen.mp4").inner_text()


def test_without_script_a_form_sends_one_file(place: Any, studio: Any, studio_of: Callable, short_clip: Path) -> None:
    plain = studio_of(place, java_script_enabled=False)
    page = plain.page
    plain.log_in()
    plain.go()
    assert page.locator(".js-only:visible").count() == 0
    assert "prefer" not in page.locator("#files-hint").inner_text()
    assert "Sans JavaScript" in page.locator("#files-hint").inner_text()
    page.get_by_label("Titre").fill("Sans script")
    page.get_by_label("Qui peut la voir").select_option("private")
    page.get_by_label("Fichier vidéo").set_input_files(short_clip)
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/studio/add")
    row = page.locator("#uploads li")
    assert "short.mp4" in row.inner_text()
    plain.wait(lambda: page.reload() and row.locator("a[href*='/studio/videos/']").count(), told=row.inner_text)
    made = next(video for video in place.house.videos() if video["title"] == "Sans script")
    assert made["visibility"] == "private"


def test_every_state_keeps_nobody_out(place: Any, studio: Any, noise: Callable, short_clip: Path) -> None:
    """axe, both themes, wide and narrow; no sideways scrolling at 320 px, with a name that never ends."""
    page = studio.page
    place.road.rate = 150_000
    endless = noise("une_tres_longue_seance_du_conseil_municipal_" + "x" * 90 + ".mp4", 3)
    page.on("dialog", lambda dialog: dialog.accept())
    studio.choose(noise("known.mp4", 2))
    studio.wait(lambda: studio.sent("known.mp4") > 0.05)
    page.reload()
    studio.until("known.mp4", "known")
    studio.choose(noise("paused.mp4", 2))
    studio.until("paused.mp4", "sending")
    studio.act("paused.mp4", "pause")
    slides = short_clip.with_name("x.pptx")
    slides.write_bytes(b"PK\x03\x04" + bytes(100))
    studio.choose(endless, noise("w1.mp4", 1), noise("w2.mp4", 1), slides)
    studio.until(endless.name, "sending")
    studio.until("x.pptx", "refused")
    studio.act("w1.mp4", "cancel")
    studio.row("w2.mp4").locator("summary").click()
    page.evaluate(AXE)
    look(studio)
    place.road.close()
    studio.until(endless.name, "lost")
    look(studio, 390)
    place.road.open()


def look(studio: Any, *widths: int) -> None:
    page = studio.page
    for width in widths or (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert findings(page) == [], (width, theme)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.evaluate("""() => [...document.querySelectorAll('.upload button, .upload .btn, label.btn')]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 40)
        .map((one) => one.outerHTML)""")
    assert small == []
    page.set_viewport_size({"width": 1440, "height": 900})


def test_what_is_heard_comes_seldom(place: Any, studio: Any, noise: Callable) -> None:
    """The status region: never two announcements within three seconds, and the states are among them."""
    page = studio.page
    page.evaluate("""() => {
        window.heard = [];
        const region = document.querySelector("[data-said]");
        new MutationObserver(() => heard.push([Date.now(), region.textContent])).observe(region, {childList: true});
    }""")
    place.road.rate = SLOW
    studio.choose(noise("heard.mp4", 3))
    studio.wait(lambda: studio.sent("heard.mp4") > 0.2)
    studio.act("heard.mp4", "pause")
    studio.until("heard.mp4", "paused")
    studio.act("heard.mp4", "resume")
    place.road.rate = 0
    studio.until("heard.mp4", "refused", "checking")
    studio.wait(lambda: "refusé" in page.locator("[data-said]").inner_text())
    heard = page.evaluate("heard")
    assert all(later - earlier > 3000 for (earlier, _), (later, _) in itertools.pairwise(heard)), heard
    assert any("ajouté" in said for _, said in heard)
