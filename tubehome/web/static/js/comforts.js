// What the player remembers and offers, all of it in this browser alone: where each film was left, sound and speed,
// the wide room, the keys that people know, and the system's own buttons (Media Session).

import { asked, clock } from "./moments.js";

const KEPT = 200; // films whose place is remembered
const SHORT = 60, BEGUN = 15, ENDING = 0.95; // seconds; share of the film: no place is kept before, or after

const read = (name) => { try { return JSON.parse(localStorage.getItem(name)) ?? {}; } catch { return {}; } };
const write = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private window, or full */ } };

/** Where this film was left, from now on. Only the last films are kept. */
function keepPlace(video) {
  const places = read("places"), id = video.dataset.id, at = Math.floor(video.currentTime), length = Number(video.dataset.length);
  if (length < SHORT || at < BEGUN || at > length * ENDING) delete places[id];
  else places[id] = [at, Date.now()];
  const newest = Object.entries(places).sort((a, b) => b[1][1] - a[1][1]).slice(0, KEPT);
  write("places", Object.fromEntries(newest));
}

/** Goes on where the film was left, and says so. An address that names a moment goes before. */
function takePlace(player, video) {
  const place = read("places")[video.dataset.id], line = document.getElementById("resumed");
  if (place && asked(location) === null && line) {
    player.currentTime = place[0];
    video.dispatchEvent(new Event("film:load"));
    line.querySelector("[data-at]").textContent = clock(place[0]);
    line.hidden = false;
    line.querySelector("button").addEventListener("click", () => {
      player.currentTime = 0;
      line.hidden = true;
      player.play()?.catch?.(() => {});
      video.focus();
    });
  }
  let last = 0;
  video.addEventListener("timeupdate", () => {
    if (Math.abs(video.currentTime - last) < 5 || video.paused) return;
    last = video.currentTime;
    keepPlace(video);
  });
  video.addEventListener("pause", () => keepPlace(video));
  video.addEventListener("ended", () => keepPlace(video));
  addEventListener("pagehide", () => { if (last || !video.paused) keepPlace(video); });
}

/** Sound and speed, as they were chosen here before. */
function keepSound(player, video) {
  const before = read("player");
  if (typeof before.volume === "number") player.volume = Math.min(1, Math.max(0, before.volume));
  if (before.muted) player.muted = true;
  if (before.speed) player.speed = before.speed;
  const store = () => write("player", { ...read("player"), volume: video.volume, muted: video.muted });
  video.addEventListener("volumechange", store);
  player.on("ratechange", () => write("player", { ...read("player"), speed: video.playbackRate }));
}

/** The wide room: the film takes the window. */
function widen() {
  const button = document.querySelector("[data-wide]");
  if (!button) return () => {};
  const wear = (wide) => {
    document.documentElement.toggleAttribute("data-wide-room", wide);
    button.setAttribute("aria-pressed", String(wide));
  };
  const turn = () => {
    const wide = button.getAttribute("aria-pressed") !== "true";
    wear(wide);
    write("player", { ...read("player"), wide });
    document.getElementById("film").scrollIntoView({ block: "nearest" });
  };
  wear(Boolean(read("player").wide));
  button.addEventListener("click", turn);
  return turn;
}

/** Keys lead the film from anywhere on the page, but never from a field, a button or a link. */
function listen(player, video, wide) {
  const step = (by) => { player.currentTime = Math.max(0, player.currentTime + by); video.dispatchEvent(new Event("film:load")); };
  const faster = (by) => { const all = [0.75, 1, 1.25, 1.5, 1.75, 2], at = all.indexOf(player.speed); player.speed = all[Math.min(all.length - 1, Math.max(0, (at < 0 ? 1 : at) + by))]; };
  const keys = {
    k: () => player.togglePlay(), j: () => step(-10), l: () => step(10), f: () => player.fullscreen.toggle(),
    m: () => { player.muted = !player.muted; }, t: wide, "<": () => faster(-1), ">": () => faster(1),
  };
  const always = new Set(["j", "l", "t", "<", ">"]); // the others are Plyr's own while it has the keyboard
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = event.target;
    if (at.closest?.("input, textarea, select, [contenteditable], [role=menu], summary")) return;
    const inside = at.closest?.(".plyr"), key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const digit = /^[0-9]$/.test(key) && !inside;
    if (digit) { player.currentTime = (Number(video.dataset.length) * Number(key)) / 10; video.dispatchEvent(new Event("film:load")); return; }
    const act = keys[event.key] ?? keys[key];
    if (!act || (inside && !always.has(key))) return;
    event.preventDefault();
    act();
  });
}

/** The buttons of the keyboard, of a headset, of a locked telephone. */
function session(player, video) {
  if (!("mediaSession" in navigator)) return;
  const { title, artist, album } = video.dataset, art = video.poster;
  navigator.mediaSession.metadata = new MediaMetadata({ title, artist, album, artwork: art ? [{ src: art }] : [] });
  const acts = {
    play: () => player.play(), pause: () => player.pause(),
    seekbackward: (more) => { player.currentTime -= more.seekOffset ?? 10; }, seekforward: (more) => { player.currentTime += more.seekOffset ?? 10; },
    seekto: (more) => { player.currentTime = more.seekTime; },
  };
  for (const [name, act] of Object.entries(acts)) { try { navigator.mediaSession.setActionHandler(name, act); } catch { /* not known here */ } }
  const tell = () => {
    const { duration, currentTime, playbackRate } = video;
    if (Number.isFinite(duration) && currentTime <= duration) navigator.mediaSession.setPositionState?.({ duration, position: currentTime, playbackRate });
  };
  for (const event of ["loadedmetadata", "seeked", "ratechange", "play", "pause"]) video.addEventListener(event, tell);
}

/** The system's own way to share, where it has one. */
function shareAway(video) {
  const button = document.querySelector("[data-share]");
  if (!button || !navigator.share) return;
  button.hidden = false;
  button.addEventListener("click", () => navigator.share({ title: video.dataset.title, url: document.getElementById("address").value }).catch(() => {}));
}

export function comfort(player, video) {
  takePlace(player, video);
  keepSound(player, video);
  listen(player, video, widen());
  session(player, video);
  shareAway(video);
}
