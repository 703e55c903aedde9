// While a video is being prepared: asks how far it is, says so, and shows the film once there is one, without
// reloading the page. Asks every 5 s, less and less often while nothing changes, and not at all in a hidden tab.

const SOON = 5, LATE = 60; // seconds
let pause = SOON;
let before = "";

const box = () => document.querySelector("[data-live]");
const said = document.querySelector("[data-said]");

/** What the server says in this moment; null when it cannot be asked. */
async function ask() {
  try {
    const answer = await fetch(box().dataset.live, { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** @param {{percent: number, text: string}} now */
function tell(now) {
  const bar = box().querySelector("progress");
  if (bar) { bar.value = now.percent; bar.textContent = `${now.percent} %`; }
  box().querySelector("[data-words]").textContent = now.text;
}

/** Takes the film, and the words below it unless somebody is busy there, from a fresh copy of this page. */
async function show() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fresh.getElementById("film")) return false;
  document.querySelector("main > .room").replaceWith(document.adoptNode(fresh.querySelector("main > .room")));
  const cartel = document.querySelector(".cartel");
  const busy = cartel.contains(document.activeElement) || cartel.querySelector(".pop[open]");
  if (!busy) cartel.replaceWith(document.adoptNode(fresh.querySelector(".cartel")));
  await import("./player.js"); // which dresses the film that it finds
  said.textContent = said.dataset.said;
  return true;
}

async function turn() {
  const now = document.hidden ? null : await ask();
  if (now) {
    const state = JSON.stringify(now);
    pause = state === before ? Math.min(LATE, pause * 1.25) : SOON;
    before = state;
    if (now.playable && !document.getElementById("film")) await show().catch(() => location.reload());
    if (!box() || now.state === "ready") return;
    tell(now);
  } else if (!document.hidden) {
    pause = Math.min(LATE, pause * 2);
  }
  setTimeout(turn, pause * 1000);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) pause = SOON; });
if (box()) setTimeout(turn, SOON * 1000);
