// On every page of the studio: files that are dragged in or pasted are added, without leaving for it. The page of
// uploads takes the place of what is shown, as files that were let go would not survive a journey to it.

import { toast } from "./toast.js";

const veil = document.querySelector("[data-drop]");
const MOST = 200; // files of one folder
const FILM = /^(video|audio)\/|\.(mkv|mts|m2ts|ts|mxf|vob|avi|mov|mp4|m4v|ogv|webm|mpe?g|wmv|flv|3gp)$/i;
const carries = (event) => event.dataTransfer?.types.includes("Files");

// words that only a button would keep; a form that saves itself does so, and the picture's moment is nobody's work
const FORMS = "#content form[method=post]:not([data-save], :has([data-frame-of]))";
const changed = (field) => (["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
const undecided = () => document.querySelector("[data-conflict]:not([hidden])"); // another window was quicker
const unsaved = () => undecided() || [...document.querySelectorAll(FORMS)].some((form) => [...form.querySelectorAll("textarea, input:not([type=hidden], [type=file], [type=color])")].some(changed));

let timer = 0;
/** Says where they may be let go, for as long as they are held over the window. */
function hover(event) {
  if (!carries(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  veil.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { veil.hidden = true; }, 400);
}

/** The page of uploads in the place of this one. False when it cannot be had. */
async function swap() {
  const address = veil.dataset.drop;
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return toast(veil.dataset.failed), false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fresh.getElementById("add")) return dispatchEvent(new CustomEvent("studio:out")), false;
  dispatchEvent(new CustomEvent("studio:left")); // what this page was still doing may end
  for (const part of [".studio-side", "#content"]) document.querySelector(part).replaceWith(document.adoptNode(fresh.querySelector(part)));
  document.querySelector("meta[name=csrf-token]").content = fresh.querySelector("meta[name=csrf-token]").content;
  document.title = fresh.title;
  history.pushState(null, "", address);
  addEventListener("popstate", () => { // back: to a page that has to be fetched
    if (!("travelling" in document.getElementById("add").dataset)) return location.reload();
    const there = location.href;
    history.pushState(null, "", address);
    toast(veil.dataset.stays, { label: veil.dataset.leaves, act: () => location.assign(there) });
  });
  return true;
}

async function add(files, skipped = 0, sure = false) {
  if (!sure && !document.getElementById("add") && unsaved()) {
    return toast(veil.dataset.unsaved, { label: veil.dataset.leaves, act: () => add(files, skipped, true) });
  }
  if (!document.getElementById("add") && !(await swap())) return;
  const { take } = await import("./add.js");
  await take(files, undefined, skipped);
  document.getElementById("uploads-title")?.focus();
}

/** The films of a folder and of those below it. */
async function inside(folder, found) {
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.name.startsWith(".") || found.files.length >= MOST) continue;
      if (entry.isDirectory) await inside(entry, found);
      else {
        const file = await new Promise((done, failed) => entry.file(done, failed));
        if (FILM.test(file.type) || FILM.test(file.name)) found.files.push(file);
        else found.skipped += 1;
      }
    }
  }
}

addEventListener("dragenter", hover);
addEventListener("dragover", hover);
addEventListener("drop", async (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  veil.hidden = true;
  // the list is emptied when this turn ends: take everything out of it now
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file").map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const found = { files: [], skipped: 0 };
  for (const { entry, file } of items) {
    if (entry?.isDirectory) await inside(entry, found).catch(() => null);
    else if (file) found.files.push(file);
  }
  await add(found.files, found.skipped);
});
addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])].filter((file) => FILM.test(file.type) || FILM.test(file.name));
  if (files.length) add(files);
});
