// The queue, kept fresh: the list is asked for every 3 s, less often while nothing changes, not at all in a hidden tab.
// The keyboard stays where it was: the button with the focus is found again by its video and its act.

import { Refused, send } from "./send.js";
import { toast } from "./toast.js";

const SOON = 3, LATE = 30, STALE = 30; // seconds
const box = document.querySelector("[data-queue]");
const line = document.querySelector("[data-stale]");
let pause = SOON, timer = 0, answered = Date.now(), before = "";

function focused() {
  const at = document.activeElement;
  const row = box.contains(at) && at.closest("[data-key]");
  if (!row) return null;
  return { key: row.dataset.key, act: at.closest("[data-act]")?.dataset.act, tag: at.tagName };
}

function show(html) {
  const kept = focused(), open = [...box.querySelectorAll("[data-key] details[open]")].map((fold) => fold.closest("[data-key]").dataset.key);
  box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  for (const key of open) box.querySelector(`[data-key="${key}"] details`)?.setAttribute("open", "");
  if (!kept) return;
  const row = box.querySelector(`[data-key="${kept.key}"]`);
  const again = row?.querySelector(kept.act ? `[data-act="${kept.act}"] button` : kept.tag) || row?.querySelector("button, a");
  (again || document.getElementById("content")).focus({ preventScroll: true });
}

async function ask() {
  clearTimeout(timer);
  try {
    const answer = await fetch(box.dataset.queue, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    const html = await answer.text(), bare = html.replace(/name="csrf_token" value="[^"]*"/g, "");
    answered = Date.now();
    pause = bare === before ? Math.min(LATE, pause * 1.3) : SOON;
    if (bare !== before) show(html);
    before = bare;
    if (line.textContent) line.textContent = "";
  } catch {
    pause = Math.min(LATE, pause * 1.5);
    const old = Math.round((Date.now() - answered) / 1000);
    if (old > STALE) line.textContent = line.dataset.text.replace("{seconds}", old);
  }
  timer = setTimeout(turn, pause * 1000);
}

const turn = () => (document.hidden ? (timer = setTimeout(turn, 1000)) : ask());

async function act(form) {
  const path = form.getAttribute("action"), undo = form.dataset.undo;
  try {
    const said = await send(path);
    // out of the bin it comes by the address of the videos
    const back = undo === "undelete" ? path.replace("/queue/", "/videos/").replace(/[^/]+$/, undo) : path.replace(/[^/]+$/, undo);
    toast(said.done, undo ? { label: box.dataset.undoLabel, act: async () => { await send(back); ask(); } } : undefined);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 401) toast(error.message);
  }
  pause = SOON;
  await ask();
}

box.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.act) return;
  event.preventDefault();
  if (form.dataset.busy || (form.dataset.sure && !confirm(form.dataset.sure))) return; // a second click, or a change of mind
  form.dataset.busy = "1";
  act(form).catch(() => form.submit()).finally(() => { delete form.dataset.busy; });
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) { pause = SOON; ask(); } });
timer = setTimeout(turn, SOON * 1000);
