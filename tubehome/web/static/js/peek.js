// Above the bar, the time that pointer, finger or keyboard is at, and a small picture of it. The sheet of pictures, and
// the list that says which shows which time, are fetched the first time somebody looks.

import { clock } from "./moments.js";

const LINGER = 1200; // ms after a key
const WIDEST = 0.3; // of the bar: most of a small film stays in view
const CUE = /(\d+):(\d\d):(\d\d\.\d+) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

/** The pictures in order: when each begins, and its place on the sheet. @param {string} list address of the WebVTT */
async function sheet(list) {
  const answer = await fetch(list);
  if (!answer.ok) throw new Error(answer.status);
  const cells = [...(await answer.text()).matchAll(CUE)].map(([, hours, minutes, seconds, name, ...place]) => (
    { from: hours * 3600 + minutes * 60 + Number(seconds), url: new URL(name, new URL(list, location)).href, place: place.map(Number) }));
  const image = new Image();
  image.src = cells[0].url;
  await image.decode();
  return { cells, whole: image.naturalWidth };
}

/** @param {HTMLVideoElement} video whose `data-sheet` names the list, if any */
export function peek(player, video) {
  const bar = player.elements.progress, seek = player.elements.inputs?.seek;
  if (!bar || !seek) return;
  const frame = document.createElement("div"), picture = document.createElement("i"), time = document.createElement("span");
  frame.className = "peek";
  frame.hidden = picture.hidden = true;
  frame.setAttribute("aria-hidden", "true"); // the bar says its time by itself
  frame.append(picture, time);
  bar.append(frame);
  let found = null, asked = null, wanted = -1, timer = 0;

  const length = () => video.duration || Number(video.dataset.length);
  const hide = () => { wanted = -1; frame.hidden = true; };
  const draw = (at) => {
    const cell = found.cells.findLast((each) => each.from <= at) ?? found.cells[0];
    const [x, y, width, height] = cell.place, scale = Math.min(1, WIDEST * bar.clientWidth / width);
    Object.assign(picture.style, {
      width: `${width * scale}px`, height: `${height * scale}px`, backgroundSize: `${found.whole * scale}px`,
      backgroundImage: `url("${cell.url}")`, backgroundPosition: `-${x * scale}px -${y * scale}px`,
    });
    picture.hidden = false;
  };
  const show = (share) => {
    wanted = Math.min(1, Math.max(0, share));
    if (video.dataset.sheet) asked ??= sheet(video.dataset.sheet).then((all) => { found = all; if (wanted >= 0) show(wanted); }).catch(() => {});
    const at = wanted * length();
    time.textContent = clock(at);
    if (found) draw(at);
    frame.hidden = false;
    const most = bar.clientWidth - frame.offsetWidth;
    frame.style.left = `${Math.min(most, Math.max(0, wanted * bar.clientWidth - frame.offsetWidth / 2))}px`;
  };
  const point = (event) => {
    clearTimeout(timer);
    const box = bar.getBoundingClientRect();
    show((event.clientX - box.left) / box.width);
  };
  for (const move of ["pointerdown", "pointermove"]) bar.addEventListener(move, point);
  for (const end of ["pointerleave", "pointercancel"]) bar.addEventListener(end, hide);
  bar.addEventListener("pointerup", (event) => { if (event.pointerType !== "mouse") hide(); });
  seek.addEventListener("keyup", (event) => {
    if (!/^(Arrow|Page|Home|End)/.test(event.key)) return;
    show(video.currentTime / length());
    clearTimeout(timer);
    timer = setTimeout(hide, LINGER);
  });
}
