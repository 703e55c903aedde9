// The page where videos are added: chosen files, the line that they stand in, and what is said of each meanwhile.

import { send } from "./send.js";
import { toast } from "./toast.js";
import { Line, tus } from "./uploads.js";
import { Row } from "./upload-row.js";
import { announce, count, fill, words } from "./upload-words.js";

const page = document.getElementById("uploads");
const form = document.getElementById("add");
const part = (name) => page.querySelector(`[data-${name}]`);
const given = JSON.parse(document.getElementById("upload-data").textContent);
const rows = new Map();
const title = document.title;
const COUNTED = { lost: "sending", out: "sending", elsewhere: "known", checking: "here", done: "here", ready: "here" };
const SAID = { sending: "sayBegun", paused: "sayPaused", lost: "sayLost", checking: "sayAll", done: "sayDone", ready: "sayReady", refused: "sayRefused" };

const line = new Line({ place: form.dataset.uploads, limit: given.limit, changed, gone, told: (sentence) => toast(sentence || words().notNow) });
const waiting = () => line.items.filter((item) => item.state === "waiting");

function changed(item, before) {
  let row = rows.get(item);
  if (!row) rows.set(item, (row = new Row(item, { act, save, login: given.login, limit: given.limit, place: () => ({ all: waiting().length }) })));
  row.draw();
  if (before === item.state) {
    if (item.state === "sending") {
      whole();
      quarter(item);
    }
    return row.autosave.dirty && item.id ? row.autosave.later(0) : undefined;
  }
  place();
  for (const one of waiting()) rows.get(one)?.acts();
  if (SAID[item.state] && before) announce(fill(words()[SAID[item.state]], { name: item.name }), item.n);
}

/** Who listens to the page hears of each quarter. */
function quarter(item) {
  const part = Math.floor((4 * item.sent) / item.size);
  if (part > (item.quarter ?? part) && part < 4) announce(fill(words().sayPart, { name: item.name, percent: 25 * part }), item.n);
  item.quarter = part;
}

function gone(item) {
  const row = rows.get(item), next = row.node.nextElementSibling ?? row.node.previousElementSibling;
  const held = row.node.contains(document.activeElement);
  row.node.remove();
  rows.delete(item);
  place();
  for (const one of waiting()) rows.get(one)?.acts();
  if (held) ([...rows.values()].find((one) => one.node === next) ?? { focus: () => document.getElementById("files").focus() }).focus();
}

/** The rows in the line's order; a row that is moved keeps the focus that was in it. */
function place() {
  const list = part("rows"), focus = document.activeElement;
  line.items.forEach((item, at) => {
    const node = rows.get(item)?.node;
    if (node && list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  });
  if (focus !== document.activeElement && list.contains(focus)) focus.focus();
  page.hidden = !line.items.length;
  whole();
}

/** What is said of all together: how many, whether one may leave, and how far in the window's title. */
function whole() {
  const tally = {};
  for (const item of line.items) tally[COUNTED[item.state] ?? item.state] = (tally[COUNTED[item.state] ?? item.state] ?? 0) + 1;
  const said = Object.entries(words().counts).filter(([name]) => tally[name]).map(([name, both]) => count(both, tally[name])).join(", ");
  if (part("summary").textContent !== said) part("summary").textContent = said;
  const travelling = line.travelling;
  part("stay").hidden = !travelling;
  form.toggleAttribute("data-travelling", travelling);
  part("leave").hidden = travelling || !tally.here || Boolean(tally.paused || tally.known);
  const active = line.active;
  const name = active ? fill(words().title, { percent: Math.floor((100 * active.sent) / active.size), title }) : title;
  if (document.title !== name) document.title = name;
  awake(travelling);
}

let lock = null;
/** A phone that goes to sleep stops sending. */
async function awake(travelling) {
  if (!travelling) { lock?.release(); lock = null; return; }
  if (lock || document.hidden || !navigator.wakeLock || !matchMedia("(pointer: coarse)").matches) return;
  lock = true; // asked for
  lock = await navigator.wakeLock.request("screen").catch(() => null);
  lock?.addEventListener("release", () => { lock = null; });
}

function act(name, item) {
  const row = rows.get(item);
  if (name === "choose") choose(item);
  else if (name === "pause") line.pause(item);
  else if (name === "resume") line.resume(item);
  else if (name === "now") line.hurry();
  else if (name === "retry") line.retry(item);
  else if (name === "dismiss") line.dismiss(item);
  else if (name === "anew") rows.get(line.anew(item))?.focus();
  else if (name === "sure") {
    announce(fill(words().sayGone, { name: item.name }), item.n);
    line.giveUp(item);
  } else if (name === "up" || name === "down") {
    const at = line.move(item, name === "up" ? -1 : 1);
    place();
    row.button(name).focus();
    announce(fill(words().sayMoved, { name: item.name, n: at, all: waiting().length }), "moved");
  }
}

/** Not before the upload has its address; its video gets it, once there is one. */
async function save(item, values) {
  if (!item.id) throw new Error("not announced yet");
  line.adopt(item, await send(`${line.path(item)}/details`, values));
}

const again = Object.assign(document.createElement("input"), { type: "file", accept: document.getElementById("files").accept });
let wanted = null;
function choose(item) {
  wanted = item;
  again.value = "";
  again.click();
}
again.addEventListener("change", () => take([...again.files], wanted));

/** What is said for once beside the list. */
function aside(sentences) {
  part("aside").hidden = !sentences.length;
  part("aside").querySelector("[data-words]").textContent = sentences.join(" ");
  if (sentences.length) announce(sentences.join(" "), "aside");
}

/**
 * Files to add, from wherever they come.
 * @param {File[]} files @param {object} [item] what one of them goes on with @param {number} [skipped] left out of a folder
 */
export async function take(files, item, skipped = 0) {
  const { added, double } = await line.take(files, item);
  const told = double.map((file) => fill(words().double, { name: file.name }));
  if (skipped) told.push(count(words().skipped, skipped));
  if (!files.length && !skipped) told.push(words().none);
  page.hidden = !line.items.length && !told.length;
  aside(told);
  if (added.length) announce(count(words().sayAdded, added.length), "added");
  if (added.length === 1 && added[0].file) rows.get(added[0]).find("details").open = true;
}

function begin() {
  const files = document.getElementById("files");
  part("rows").replaceChildren(); // as they were without script
  files.multiple = true;
  files.addEventListener("change", () => { take([...files.files]); files.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeunload", (event) => { if (line.travelling) event.preventDefault(); });
  // what to do when nobody is logged in is said in the row
  addEventListener("studio:out", (event) => { if (line.active) event.stopImmediatePropagation(); }, true);
  line.merge(given.uploads);
  for (const item of line.items.filter((one) => one.state === "ready")) { // seen now; the videos have a page of their own
    send(`${line.path(item)}/dismiss`).catch(() => null);
    item.id = "";
  }
  line.look();
  tus().catch(() => null);
  form.dataset.begun = "";
}

begin();
