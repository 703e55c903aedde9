// A video's page: what is written is saved one second after the last key, and the page says so. What could not be
// saved is tried again by itself; what is wrong is told at its field; leaving with something unsaved warns.

import "./bin.js";
import { Refused, send } from "./send.js";
import { watch } from "./states.js";

const QUIET = 1000, SLOWEST = 60; // ms after the last key; seconds between tries
const form = document.getElementById("sheet");
const said = JSON.parse(form.dataset.said);
const state = document.querySelector("[data-saved]");
const known = new Map(); // what the server has, by field
const wrong = new Set();
const conflict = document.querySelector("[data-conflict]"); // shown: another window was quicker, and a person decides
let version = form.elements.version.value, timer = 0, sending = false, pause = 2, leaving = false, theirs = null; // `theirs`: what the other window stored, and its version

const FIELDS = ["title", "description", "tags", "privacy", "channel", "language", "licence"];
const value = (name) => form.elements[name].value;
const changed = () => FIELDS.filter((name) => value(name) !== known.get(name) && !wrong.has(name));

function tell(kind, text) {
  state.hidden = false;
  state.dataset.kind = kind;
  const sign = state.querySelector("use"), name = { good: "check", info: "clock", warn: "warn", bad: "error" }[kind];
  sign.setAttribute("href", sign.getAttribute("href").replace(/#i-.*/, `#i-${name}`));
  const line = state.querySelector("span");
  if (line.textContent !== text) line.textContent = text;
}

function mend(errors) {
  for (const name of FIELDS) {
    const line = document.getElementById(`${name}-error`), text = errors[name];
    if (text === undefined || !line) continue; // the page of uploads has taken this one's place
    line.hidden = !text;
    line.querySelector("span").textContent = text;
    const field = document.getElementById(name);
    if (field) text ? field.setAttribute("aria-invalid", "true") : field.removeAttribute("aria-invalid");
    text ? wrong.add(name) : wrong.delete(name);
  }
}

async function save() {
  clearTimeout(timer);
  const names = changed();
  if (!names.length || sending || !conflict.hidden) return;
  sending = true;
  tell("info", said.saving);
  const sent = Object.fromEntries(names.map((name) => [name, value(name)]));
  try {
    const answer = await send(form.dataset.save, { ...sent, version });
    version = form.elements.version.value = answer.version;
    for (const name of names) known.set(name, sent[name]);
    mend(Object.fromEntries(names.map((name) => [name, ""])));
    for (const head of document.querySelectorAll("[data-title]")) head.textContent = answer.title;
    pause = 2;
    const time = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "numeric", minute: "2-digit" }).format(new Date());
    tell("good", said.saved.replace("{time}", time));
    sending = false;
    if (changed().length) later(QUIET);
  } catch (error) {
    sending = false;
    if (error instanceof Refused && error.said.stored) {
      theirs = error.said;
      conflict.hidden = false;
      conflict.scrollIntoView({ block: "nearest" });
      tell("bad", said.unsaved);
    } else if (error instanceof Refused) {
      mend(error.fields);
      tell("bad", Object.keys(error.fields).length ? said.wrong : error.message || said.wrong);
      if (Object.keys(error.fields).length && changed().length) later(QUIET); // the others can be kept
    } else {
      tell("warn", said.again.replace("{seconds}", Math.round(pause)));
      later(pause * 1000);
      pause = Math.min(SLOWEST, pause * 1.6);
    }
  }
}

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(save, milliseconds);
}

function count(field) {
  const line = document.querySelector(`[data-count="${field.name}"]`);
  if (line) line.textContent = said.count.replace("{n}", field.value.length).replace("{most}", field.maxLength);
}

for (const name of FIELDS) known.set(name, conflict.hidden ? value(name) : undefined);
form.addEventListener("input", (event) => {
  wrong.delete(event.target.name);
  count(event.target);
  leaving = false;
  tell(conflict.hidden ? "info" : "bad", said.unsaved);
  later(event.target.matches("select, [type=radio]") ? 0 : QUIET);
});
/** What was written here is meant; what was not touched here is as the other window stored it. */
function decide() {
  version = theirs?.version ?? version; // (a form that came back already carries the newer one)
  for (const name of theirs ? FIELDS : []) {
    if (value(name) === known.get(name)) {
      form.elements[name].value = theirs.stored[name];
      count(form.elements[name]);
    }
    known.set(name, theirs.stored[name]);
  }
  theirs = null;
  leaving = false;
  document.getElementById("title").focus(); // the button goes
  conflict.hidden = true;
}
form.addEventListener("keydown", (event) => { // in a field, the Enter key is no decision
  if (!conflict.hidden && event.key === "Enter" && event.target.tagName === "INPUT") event.preventDefault();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!conflict.hidden) decide();
  save();
});
conflict.querySelector("[data-leave]").addEventListener("click", (event) => {
  leaving = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey); // those open it beside this page
});
addEventListener("online", () => { if (changed().length) save(); });
addEventListener("studio:left", () => save()); // dropped files bring the page of uploads: these words do not wait
addEventListener("beforeunload", (event) => { if (!leaving && (sending || changed().length)) { save(); event.preventDefault(); } });

const box = document.querySelector("[data-preview-box]");
async function preview() {
  if (!box.open) return;
  try {
    const answer = await send(form.dataset.preview, { text: value("description") });
    // from our own renderer, which lets nothing through but text and its marks
    const made = new DOMParser().parseFromString(answer.html, "text/html").body;
    box.querySelector("[data-preview-html]").replaceChildren(...made.childNodes);
  } catch { /* the next change asks again */ }
}
let shown = 0;
box.addEventListener("toggle", preview);
form.elements.description.addEventListener("input", () => { clearTimeout(shown); shown = setTimeout(preview, 400); });
watch();

// the moment at which the film stands, for its picture
const film = document.querySelector("[data-frame-of]");
film?.addEventListener("timeupdate", () => { document.getElementById(film.dataset.frameOf).value = film.currentTime.toFixed(2); });
