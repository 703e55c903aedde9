// Above the bar, a small picture of the moment that the pointer or the keyboard is at. The sheet that holds them, and
// the list that says which shows which time, are fetched the first time somebody looks.

const LINGER = 1200; // ms after a key
const CUE = /(\d+):(\d\d):(\d\d\.\d+) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

/** The pictures in order: when each begins, and its place on the sheet. @param {string} list address of the WebVTT */
async function sheet(list) {
  const answer = await fetch(list);
  if (!answer.ok) throw new Error(answer.status);
  const cells = [...(await answer.text()).matchAll(CUE)].map(([, hours, minutes, seconds, name, x, y, width, height]) => (
    { from: hours * 3600 + minutes * 60 + Number(seconds), url: new URL(name, new URL(list, location)).href, x, y, width, height }));
  const image = new Image();
  image.src = cells[0].url;
  await image.decode();
  return cells;
}

/** @param {HTMLVideoElement} video whose `data-sheet` names the list */
export function peek(player, video) {
  const bar = player.elements.progress, seek = player.elements.inputs?.seek;
  if (!video.dataset.sheet || !bar || !seek) return;
  const frame = document.createElement("div");
  frame.className = "peek";
  frame.hidden = true;
  frame.setAttribute("aria-hidden", "true"); // the bar says its time by itself
  bar.append(frame);
  let cells = null, asked = null, wanted = -1, timer = 0;

  const hide = () => { wanted = -1; frame.hidden = true; };
  const show = (share) => {
    wanted = Math.min(1, Math.max(0, share));
    asked ??= sheet(video.dataset.sheet).then((all) => { cells = all; if (wanted >= 0) show(wanted); }).catch(() => {});
    if (!cells) return;
    const at = wanted * (video.duration || Number(video.dataset.length));
    const cell = cells.findLast((each) => each.from <= at) ?? cells[0];
    const width = Number(cell.width), left = wanted * bar.clientWidth - width / 2;
    Object.assign(frame.style, {
      width: `${width}px`, height: `${cell.height}px`, left: `${Math.min(bar.clientWidth - width, Math.max(0, left))}px`,
      backgroundImage: `url("${cell.url}")`, backgroundPosition: `-${cell.x}px -${cell.y}px`,
    });
    frame.hidden = false;
  };
  bar.addEventListener("pointermove", (event) => {
    clearTimeout(timer);
    const box = bar.getBoundingClientRect();
    show((event.clientX - box.left) / box.width);
  });
  for (const end of ["pointerleave", "pointercancel"]) bar.addEventListener(end, hide);
  bar.addEventListener("pointerup", (event) => { if (event.pointerType !== "mouse") hide(); });
  seek.addEventListener("keyup", (event) => {
    if (!/^(Arrow|Page|Home|End)/.test(event.key)) return;
    show(seek.value / seek.max);
    clearTimeout(timer);
    timer = setTimeout(hide, LINGER);
  });
}
