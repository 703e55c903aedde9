// One upload as the page shows it: a row that is changed in place, so that focus and typed words stay where they are.

import { Autosave } from "./autosave.js";
import { amount, announce, clock, day, fill, size, speed, time, words } from "./upload-words.js";

/** What may be done in a state, in this order; the first that is there gets the focus of one that goes. */
const ACTS = {
  waiting: ["up", "down", "cancel"],
  sending: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  lost: ["now", "cancel"],
  out: ["login", "cancel"],
  known: ["choose", "cancel"],
  elsewhere: [],
  checking: [],
  done: ["page", "see", "dismiss"],
  ready: ["page", "see", "dismiss"],
  refused: ["retry", "dismiss"],
};
const FIELDS = ["title", "description", "channel", "privacy", "language"];

const text = (node, said) => { if (node.textContent !== said) node.textContent = said; };

export class Row {
  /**
   * @param {object} item of the line
   * @param {{act: Function, save: Function, place: Function, login: string, limit: number}} given
   *   act: told of a pressed button; save: keeps what was said; place: where the item waits, of how many
   */
  constructor(item, given) {
    Object.assign(this, given, { item });
    const made = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    for (const name of ["id", "for", "aria-describedby"]) {
      for (const node of made.querySelectorAll(`[${name}]`)) node.setAttribute(name, node.getAttribute(name).replace(/\brow-/g, `row${item.n}-`));
    }
    this.node = made;
    this.find = (part) => made.querySelector(`[data-${part}]`);
    text(this.find("name"), item.name);
    for (const node of made.querySelectorAll("[data-of]")) node.textContent = ` ${item.name}`;
    made.addEventListener("click", (event) => {
      const name = event.target.closest("[data-act]")?.dataset.act;
      if (name === "cancel") this.sure(true);
      else if (name === "keep") this.sure(false);
      else if (name) this.act(name, item);
    });
    this.form = this.find("form");
    this.autosave = new Autosave(this.form, { save: (values) => this.save(item, values), told: (state) => this.saved(state) });
    this.form.elements.privacy.addEventListener("change", () => { this.chosen = true; });
    this.form.elements.channel.addEventListener("change", () => this.fields());
    this.draw();
  }

  /** Asks whether to give up, in the place of the buttons. */
  sure(asked) {
    this.find("sure").hidden = !asked;
    this.find("acts").hidden = asked;
    this.button(asked ? "keep" : "cancel").focus();
  }

  button(name) { return this.node.querySelector(`[data-act="${name}"]`); }

  saved(state) {
    text(this.find("saved"), words()[state]);
    if (state !== "saving") announce(`${this.item.name}: ${words()[state]}`, `saved${this.item.n}`);
  }

  draw() {
    const { item } = this;
    const busy = this.node.contains(document.activeElement) ? document.activeElement : null;
    this.node.dataset.state = item.state;
    text(this.find("amount"), ["sending", "paused", "lost", "out", "known", "elsewhere"].includes(item.state) ? amount(item.sent, item.size) : "");
    for (const badge of this.node.querySelectorAll("[data-badge]")) badge.hidden = badge.dataset.badge !== (item.waits || item.state);
    this.bar();
    this.line();
    const trouble = item.state === "refused" ? this.refusal() : item.state === "known" ? this.clash() : "";
    this.find("trouble").hidden = !trouble;
    text(this.find("trouble").lastElementChild, trouble);
    this.acts();
    if (!this.find("sure").hidden && !this.may().has("cancel")) this.sure(false);
    this.fields();
    if (busy && !busy.checkVisibility()) this.focus();
  }

  /** To what can be done now, or to the name. */
  focus() {
    const open = [...this.node.querySelectorAll("[data-acts] [data-act]")].find((one) => one.checkVisibility());
    (open ?? this.find("head")).focus();
  }

  bar() {
    const { item } = this, bar = this.find("bar"), w = words();
    const video = ["done", "ready"].includes(item.state);
    const share = video ? (item.video?.percent ?? 0) / 100 : item.sent / (item.size || 1);
    bar.hidden = ["refused", "ready", "checking", "waiting"].includes(item.state) && !(item.state === "waiting" && item.sent);
    const value = Math.floor(1000 * share);
    if (bar.value !== value) bar.value = value;
    text(bar, `${Math.floor(100 * share)}\u00a0%`);
    bar.classList.toggle("is-paused", ["paused", "lost", "out", "known"].includes(item.state));
    bar.setAttribute("aria-label", fill(video ? w.barWork : item.state === "paused" ? w.barPaused : w.bar, { name: item.name }));
  }

  /** The line below the bar: its parts. */
  line() {
    const parts = this.parts().filter(Boolean), line = this.find("line");
    while (line.children.length > parts.length) line.lastElementChild.remove();
    while (line.children.length < parts.length) line.append(document.createElement("span"));
    parts.forEach((said, at) => text(line.children[at], said));
    line.hidden = !parts.length;
  }

  parts() {
    const { item } = this, w = words(), now = Date.now();
    if (item.state === "sending") {
      const pace = item.pace.speed();
      if (!pace) return [w.measuring];
      const left = item.pace.left(item.size, now);
      return [speed(pace), left === null ? "" : item.sent >= item.size ? w.soon : fill(w.left, { time: time(left) })];
    }
    if (item.state === "paused") return [fill(w.paused, { size: size(item.sent) })];
    if (item.state === "lost") {
      const wait = item.tryAt - now, again = time(wait / 1000);
      if (item.message) return [fill(w.holding, { sentence: item.message, time: again })];
      return [fill(wait > 0 ? w.lost : w.trying, { clock: clock(item.lostAt), time: again })];
    }
    if (item.state === "known") return [fill(w.known, { size: size(item.sent), date: day(item.expires) })];
    if (item.state === "done") return [item.video?.text];
    return [{ out: w.out, elsewhere: w.elsewhere, checking: item.message }[item.state]];
  }

  refusal() {
    const { item } = this;
    return item.message || fill(words()[item.wrong] ?? words().refused, { name: item.name, size: size(item.size), limit: size(this.limit) });
  }

  clash() {
    const { item } = this, w = words();
    if (item.clash) return item.clash.file.size === item.size ? w.differs : fill(w.other, { there: size(item.size), here: size(item.clash.file.size) });
    return item.wrong ? w[item.wrong] : "";
  }

  may() {
    const { item } = this, may = new Set(ACTS[item.state]);
    if (item.clash) may.add("anew");
    if (item.waits) may.add("cancel"); // for room, or another try: nobody is at it
    if (item.state === "refused" && !item.again && !(item.file && item.wrong)) may.delete("retry");
    return may;
  }

  acts() {
    const { item } = this, may = this.may();
    for (const button of this.node.querySelectorAll("[data-acts] [data-act]")) button.hidden = !may.has(button.dataset.act);
    if (item.state === "waiting") {
      this.button("up").hidden = this.button("down").hidden = this.place(item).all < 2;
    }
    const login = this.button("login");
    Object.assign(login, { href: this.login, target: "_blank" });
    if (item.video) {
      this.button("page").href = item.video.edit;
      this.button("see").href = `${item.video.path}?as=visitor`;
    }
  }

  /** The server's words, where nobody is typing others. */
  fields() {
    const { item, form } = this;
    this.find("details").hidden = item.state === "refused";
    form.elements.title.placeholder = item.guess;
    const channel = form.elements.channel.selectedOptions[0];
    for (const name of item.shape ? FIELDS : []) {
      const field = form.elements[name], said = item.shape[name];
      if (!said && ["channel", "privacy"].includes(name)) continue;
      if (field === document.activeElement || this.autosave.changed.has(name) || this.autosave.busy || field.value === said) continue;
      if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === said)) field.add(new Option(said, said));
      field.value = said;
    }
    if (channel && !this.chosen && !item.shape?.privacy) form.elements.privacy.value = channel.dataset.privacy;
  }
}
