// The film: Plyr over the page's own <video>, hls.js below it where the browser lets it work. What it needs
// to know (addresses, words) stands in the page, on the <video> and in #film-words.

import { comfort } from "./comforts.js";
import { asked, clock } from "./moments.js";
import { peek } from "./peek.js";

const AUTO = 0;
const MANIFEST_PATIENCE = 8000; // ms: then the film is dressed without a choice of sizes

/** Says under the film that it cannot be played, and where its file is. */
function trouble() {
  document.getElementById("film-trouble").hidden = false;
}

/**
 * hls.js with the film's sizes read, not yet on the video; null where the browser has no room for it (then it plays
 * by itself). Nothing of the film is fetched before somebody wants to see it.
 * @param {HTMLVideoElement} video
 */
async function stream(video) {
  if (!("MediaSource" in window || "ManagedMediaSource" in window)) return null;
  const { default: Hls } = await import(video.dataset.hls);
  if (!Hls.isSupported()) return null;
  const hls = new Hls({ autoStartLoad: false, workerPath: video.dataset.worker, capLevelToPlayerSize: true, backBufferLength: 90 });
  const read = new Promise((resolve) => {
    hls.once(Hls.Events.MANIFEST_PARSED, resolve);
    hls.once(Hls.Events.DESTROYING, resolve);
    setTimeout(resolve, MANIFEST_PATIENCE);
  });
  let again = true;
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && again) { again = false; hls.recoverMediaError(); }
    else wholeFile(video, hls);
  });
  const begin = () => hls.startLoad(video.currentTime); // never from the end of a film that still grows
  video.addEventListener("play", begin, { once: true });
  video.addEventListener("film:load", begin, { once: true });
  hls.loadSource(video.dataset.master);
  await read;
  return hls.url ? hls : null; // given up: the list could not be read, and the whole file took over
}

/** The stream failed for good: the one MP4 file takes over at the same moment, or the page says so. */
function wholeFile(video, hls) {
  const at = video.currentTime, playing = !video.paused;
  hls.destroy();
  if (!video.dataset.file) { trouble(); return; }
  video.src = video.dataset.file;
  video.currentTime = at;
  if (playing) video.play().catch(() => {});
  video.dispatchEvent(new Event("film:file"));
}

/** The sizes of a stream, largest first: lines along the shorter side, as people say them. */
function sizes(hls) {
  const heights = (hls?.levels ?? []).map((level) => Math.min(level.width, level.height));
  return [...new Set(heights)].sort((a, b) => b - a);
}

/** Makes one size the next to be fetched; AUTO leaves it to the line. */
function choose(hls, size) {
  hls.nextLevel = size === AUTO ? -1 : hls.levels.findLastIndex((level) => Math.min(level.width, level.height) === size);
}

/**
 * @param {typeof import("plyr")} Plyr
 * @param {HTMLVideoElement} video
 * @param {object | null} hls
 * @param {Record<string, string>} words
 */
function dress(Plyr, video, hls, words) {
  const choices = sizes(hls);
  const menu = choices.length > 1;
  const badges = Object.fromEntries([2160, 1440, 1080, 720, 576, 480].map((size) => [size, ""]));
  return new Plyr(video, {
    iconUrl: video.dataset.icons, iconPrefix: "i", blankVideo: video.dataset.blank,
    duration: Number(video.dataset.length) || null,
    controls: ["play-large", "play", "rewind", "progress", "current-time", "duration", "mute", "volume", "settings", "pip", "airplay", "fullscreen"],
    settings: menu ? ["quality", "speed"] : ["speed"],
    quality: menu ? { default: AUTO, options: [AUTO, ...choices], forced: true, onChange: (size) => choose(hls, size) } : {},
    speed: { selected: 1, options: [0.75, 1, 1.25, 1.5, 1.75, 2] },
    seekTime: 10, invertTime: false, toggleInvert: false, hideControls: true, storage: { enabled: false },
    tooltips: { controls: false, seek: false }, fullscreen: { enabled: true, fallback: true, iosNative: true },
    captions: { active: false }, mediaMetadata: { title: document.title },
    i18n: { ...words, qualityLabel: { [AUTO]: words.auto }, qualityBadge: badges },
  });
}

/** With the size left to the line, the menu says which one it chose. */
function sayLevel(hls, words) {
  hls.on("hlsLevelSwitched", (_, { level }) => {
    const label = document.querySelector(`.plyr [data-plyr="quality"][value="${AUTO}"] > span`);
    const { width, height } = hls.levels[level];
    if (label) label.firstChild.textContent = hls.autoLevelEnabled ? `${words.auto} (${Math.min(width, height)}p)` : words.auto;
  });
}

/** Before the film is loaded no event tells that a jump changed its time: this one does, once Plyr has jumped. */
function tellJumps(player, video) {
  const tell = () => setTimeout(() => { if (!video.readyState) video.dispatchEvent(new Event("timeupdate")); });
  for (const act of ["input", "keydown"]) player.elements.container.addEventListener(act, tell);
  return tell;
}

/** Times are links: ?t= of this page, in the film's words or typed in the address, lead to the moment. */
function followTimes(player, video, tell) {
  const go = (at) => { player.currentTime = at; tell(); video.dispatchEvent(new Event("film:load")); };
  const first = asked(location);
  if (first) go(first);
  addEventListener("hashchange", () => { const at = asked(location); if (at !== null) go(at); });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const address = new URL(link.href), at = asked(address);
    if (at === null || address.origin !== location.origin || address.pathname !== location.pathname) return;
    event.preventDefault();
    go(at);
    player.elements.container.scrollIntoView({ block: "nearest" });
    player.play()?.catch?.(() => {});
  });
}

/** "Start at 1:09:15", in the box that gives the address. */
function shareMoment(video) {
  const box = document.getElementById("start-here");
  if (!box) return;
  const field = document.getElementById("address"), said = box.parentElement.querySelector("time");
  const write = () => {
    const at = Math.floor(video.currentTime);
    said.textContent = clock(at);
    field.value = box.dataset.start + (box.checked && at ? `?t=${at}` : "");
  };
  box.addEventListener("change", write);
  box.closest("details").addEventListener("toggle", write);
  video.addEventListener("timeupdate", () => { if (box.closest("details").open && !box.checked) write(); });
}

/** Dresses the page's film. @param {HTMLVideoElement} video */
async function start(video) {
  const words = JSON.parse(document.getElementById("film-words").textContent);
  video.addEventListener("error", (event) => {
    // a failed <source> speaks for itself, and the stream's faults are hls.js's to mend
    const failed = event.target === video ? video.error && !video.src.startsWith("blob:") : !event.target.nextElementSibling?.src;
    if (failed) trouble();
  }, true);
  const [{ default: Plyr }, hls] = await Promise.all([import(video.dataset.plyr), stream(video)]);
  if (hls) video.replaceChildren(); // or Plyr, which calls load() once when it is made (3.8.4), fetches the file too
  const player = dress(Plyr, video, hls, words);
  if (hls) {
    hls.attachMedia(video); // after Plyr, for the same reason
    video.preload = "auto"; // costs nothing here: the stream begins when `startLoad` says so
    sayLevel(hls, words);
  }
  video.addEventListener("film:file", () => { player.elements.settings?.buttons?.quality?.setAttribute("hidden", ""); });
  player.elements.container.tabIndex = -1; // keys lead the film after a click on it, too
  followTimes(player, video, tellJumps(player, video));
  shareMoment(video);
  comfort(player, video);
  peek(player, video);
  video.dataset.dressed = "";
}

// once, when this module is first asked for
start(document.getElementById("film"));
