// A form that saves itself, one second after the last key: only what changed, again and again until it is kept.

import { Refused } from "./send.js";

const QUIET = 1000, AGAIN = 5000; // ms

/**
 * @param {HTMLFormElement} form its fields have names; `[data-error=name]` shows what is wrong with one
 * @param {object} given
 * @param {(changed: object) => Promise<unknown>} given.save throws `Refused` with `fields`, or anything when it should be tried again
 * @param {(state: "saving" | "saved" | "unsaved" | "wrong") => void} given.told
 */
export class Autosave {
  constructor(form, { save, told }) {
    Object.assign(this, { form, save, told, timer: 0, busy: false, changed: new Set() });
    form.addEventListener("input", (event) => this.note(event.target, QUIET));
    form.addEventListener("change", (event) => this.note(event.target, event.target.tagName === "SELECT" ? 0 : QUIET));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.flush(); });
  }

  get dirty() { return this.busy || this.changed.size > 0; }

  note(field, pause) {
    if (!field.name) return;
    this.changed.add(field.name);
    this.told("saving");
    this.later(pause);
  }

  later(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), pause);
  }

  /** What has changed and is not saved, by name. */
  values() {
    return Object.fromEntries([...this.changed].map((name) => [name, this.form.elements[name].value]));
  }

  async flush() {
    clearTimeout(this.timer);
    if (this.busy || !this.changed.size) return;
    const values = this.values();
    this.busy = true;
    this.changed.clear();
    let state = "saved";
    try {
      await this.save(values);
      this.mark(values, {});
    } catch (error) {
      const wrong = error instanceof Refused && error.status === 400;
      state = wrong ? "wrong" : "unsaved";
      if (wrong) this.mark(values, error.fields);
      else {
        Object.keys(values).forEach((name) => this.changed.add(name));
        this.later(AGAIN);
      }
    }
    this.busy = false;
    if (state === "saved" && this.changed.size) return this.later(QUIET); // typed meanwhile
    this.told(state);
  }

  /** Says beside each field what is wrong with it. */
  mark(values, errors) {
    for (const name of Object.keys(values)) {
      const line = this.form.querySelector(`[data-error="${name}"]`);
      this.form.elements[name].toggleAttribute("aria-invalid", Boolean(errors[name]));
      if (errors[name]) this.form.elements[name].setAttribute("aria-invalid", "true");
      if (!line) continue;
      line.hidden = !errors[name];
      line.lastElementChild.textContent = errors[name] ?? "";
    }
  }
}
