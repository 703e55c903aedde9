// How the videos that are shown are doing: asked every 4 s, less and less often while nothing changes, and not at all
// in a hidden tab. What a row shows when its state is another comes from a fresh copy of the page.

const SOON = 4, LATE = 60; // seconds
let pause = SOON, before = "";
const standing = new Map(); // of each video: the state that its row shows

const working = () => [...document.querySelectorAll("[data-row][data-working]")];

const buttons = (row) => [...row.querySelectorAll("a, button")];

async function ask(rows) {
  const table = document.querySelector("[data-states]");
  const query = rows.map((row) => `v=${encodeURIComponent(row.dataset.row)}`).join("&");
  try {
    const answer = await fetch(`${table.dataset.states}?${query}`, { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function tell(row, now) {
  const bar = row.querySelector("progress");
  if (bar) { bar.value = now.percent; bar.textContent = `${now.percent} %`; }
  const words = row.querySelector("[data-words]");
  if (words) words.textContent = now.text;
}

/** Rows that stand otherwise now are taken from a fresh copy of this page; nothing else moves, the keyboard neither. */
async function refresh(shorts) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const short of shorts) {
    const old = document.querySelector(`[data-row="${short}"]`), made = fresh.querySelector(`[data-row="${short}"]`);
    if (!old) continue;
    const at = buttons(old).indexOf(document.activeElement);
    made ? old.replaceWith(document.adoptNode(made)) : old.remove();
    if (at >= 0) ((made && buttons(made)[at]) ?? document.getElementById("content")).focus({ preventScroll: true });
  }
}

async function turn() {
  const rows = working();
  if (!rows.length) return;
  const now = document.hidden ? null : await ask(rows);
  if (now) {
    const said = JSON.stringify(now);
    pause = said === before ? Math.min(LATE, pause * 1.3) : SOON;
    before = said;
    const changed = [];
    for (const row of rows) {
      const state = now[row.dataset.row];
      const other = standing.has(row.dataset.row) && standing.get(row.dataset.row) !== state?.state;
      standing.set(row.dataset.row, state?.state);
      if (!state || other || ["ready", "failed", "bin", "held"].includes(state.state)) changed.push(row.dataset.row);
      else tell(row, state);
    }
    if (changed.length) await refresh(changed).catch(() => {});
  } else if (!document.hidden) {
    pause = Math.min(LATE, pause * 2);
  }
  setTimeout(turn, pause * 1000);
}

export function watch() {
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pause = SOON; });
  setTimeout(turn, SOON * 1000);
}
