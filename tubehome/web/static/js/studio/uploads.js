// The line of files on their way in, one after the other; knows the server (tus 1.0, web/uploads.py), not the page.
//
// An item's state: waiting, sending, paused, lost (tried again by itself), out (nobody is logged in), known (half here,
// its file has to be chosen again), elsewhere (half here, and growing), checking, done, ready, refused.

import { Refused, Unreachable, call, fresh, headers, send } from "./send.js";
import { Pace } from "./pace.js";
import { look, readable } from "./upload-look.js";

const PIECE = 32 * 1024 * 1024; // bytes a request: what proxies take, and how long a login that has ended is not noticed
const STALL = 30_000; // ms without a byte: the connection is dead, though nobody said so (a lid that was closed)
const PAUSES = [2, 4, 8, 15, 30, 60]; // seconds before the next try
const LOGIN = 10; // seconds between two looks whether somebody is logged in again
const AGAIN = new Set([408, 409, 423, 425, 429, 460]); // besides the server's own troubles: another try may do
const GONE = new Set([404, 410]);
const TUS = { "Tus-Resumable": "1.0.0" };

let library;
/** tus-js-client is no module: it puts itself beside everything else. */
export const tus = () => (library ??= import("../../vendor/tus-js-client/tus.min.js").then(() => window.tus));

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const said = (values) => Object.entries(values).filter(([, value]) => value).map(([name, value]) => `${name} ${base64(value)}`).join(",");

let number = 0;
const blank = { id: "", file: null, sample: undefined, state: "waiting", sent: 0, message: "", waits: "", wrong: "", tries: 0, tryAt: 0, lostAt: 0, clash: null, video: null, said: {}, guess: "", expires: "", again: false };
const make = (values) => ({ ...blank, n: (number += 1), run: 0, pace: new Pace(), tus: null, ...values });

export class Line {
  /**
   * @param {{place: string, limit: number, changed: (item: object, before: string) => void, gone: (item: object) => void, told: (sentence: string) => void}} given
   *   place: the address of uploads; limit: bytes of a file; changed, gone: told of every change of an item; told:
   *   why something that was asked for is not done
   */
  constructor(given) {
    Object.assign(this, given);
    this.items = [];
    this.announcing = Promise.resolve();
    this.asked = 0; // announcements under way: the server's list may know what we do not yet
    this.active = null; // the one that has the way: sending, lost or out
    this.dropped = new Set(); // ids that were given up here
    setInterval(() => this.tick(), 1000);
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.hurry(); });
  }

  put(item, state, values = {}) {
    const before = item.state;
    Object.assign(item, { state }, values);
    this.changed(item, before);
  }

  path(item) { return `${this.place}/${item.id}`; }

  get travelling() { return this.items.some((item) => ["sending", "lost", "out"].includes(item.state) || (item.state === "waiting" && item.file)); }

  // --- files that are chosen -----------------------------------------------------------------------------------------

  /**
   * Files join the line, or go on with what is half here.
   * @param {File[]} files @param {object} [wanted] the item that one of them was chosen for
   * @returns {Promise<{added: object[], double: File[]}>}
   */
  async take(files, wanted) {
    const added = [], double = [];
    for (const file of files) {
      if (this.items.some((item) => item.file && item.file.name === file.name && item.size === file.size && item.file.lastModified === file.lastModified)) {
        double.push(file);
        continue;
      }
      const item = await this.receive(file, wanted);
      if (item) added.push(item);
    }
    this.pump();
    return { added, double };
  }

  async receive(file, wanted) {
    const seen = await look(file).catch(() => null);
    const wrong = !seen ? "unreadable" : !file.size ? "empty" : file.size > this.limit ? "large" : seen.kind;
    if (wrong) return this.join({ name: file.name, size: file.size, state: "refused", wrong });
    const half = await this.half(file, seen.sample, wanted);
    if (half?.clash) return null;
    if (half) {
      this.put(half, "waiting", { file, clash: null, message: "", wrong: "" });
      return half;
    }
    return this.begin(file, seen.sample);
  }

  /** A new upload, announced at once: its room is kept, and what is said of it can be saved. */
  begin(file, sample) {
    const item = this.join({ name: file.name, size: file.size, file, sample });
    this.announcing = this.announcing.then(() => this.announce(item)).catch((error) => {
      if (error instanceof Refused && error.status !== 401) this.refuse(item, error.message);
    });
    return item;
  }

  join(values) {
    const item = make(values);
    this.items.push(item);
    this.changed(item, "");
    return item;
  }

  /** What is half here and may be this file; one that only seems so gets `clash`, for a person to decide. */
  async half(file, sample, wanted) {
    const open = this.items.filter((item) => ["known", "elsewhere"].includes(item.state) && (!wanted || item === wanted));
    for (const item of open.filter((one) => one.size === file.size)) {
      if (item.sample === undefined) item.sample = await this.sampleOf(item);
      if (item.sample ? item.sample === sample : item.name === file.name) return item;
    }
    const near = wanted ?? open.find((item) => item.name === file.name);
    if (near) this.put(near, "known", { clash: { file, sample } });
    return near;
  }

  /** The sample that was announced with an upload; "" when there was none. */
  async sampleOf(item) {
    const answer = await call(this.path(item), { method: "HEAD", more: TUS }).catch(() => null);
    const told = answer?.headers.get("Upload-Metadata")?.split(",").map((pair) => pair.trim().split(" ")).find(([name]) => name === "sample");
    return told ? atob(told[1]) : "";
  }

  /** The file of a clash is another film after all. */
  anew(item) {
    const { file, sample } = item.clash;
    this.put(item, "known", { clash: null });
    const made = this.begin(file, sample);
    this.pump();
    return made;
  }

  async announce(item) {
    if (item.id || !this.items.includes(item)) return;
    const more = { ...TUS, "Upload-Length": String(item.size), "Upload-Metadata": said({ filename: item.name, sample: item.sample, ...item.said }) };
    this.asked += 1;
    const answer = await call(this.place, { more }).finally(() => { this.asked -= 1; });
    item.id = answer.headers.get("Location").split("/").pop();
    await answer.text(); // or the browser calls the request broken off
    if (!this.items.includes(item)) return void this.erase(item); // given up meanwhile
    this.changed(item, item.state);
    this.look();
  }

  // --- sending -------------------------------------------------------------------------------------------------------

  pump() {
    if (this.active) return;
    const next = this.items.find((item) => item.state === "waiting" && item.file);
    if (next) this.start(next);
  }

  async start(item) {
    this.active = item;
    item.pace.reset();
    const run = (item.run += 1);
    this.put(item, "sending", { heard: Date.now(), message: "" });
    try {
      await this.announcing;
      await this.announce(item);
      const { Upload } = await tus();
      if (item.run !== run || this.active !== item) return; // paused, given up or begun again meanwhile
      item.tus = this.upload(item, Upload);
      item.heard = Date.now();
      item.tus.start();
    } catch (error) {
      if (item.run === run) this.trouble(item, error instanceof Refused ? error.status : 0, error instanceof Unreachable ? "" : error.message);
    }
  }

  upload(item, Upload) {
    const mine = (act) => (...given) => { if (item.tus === made) act(...given); };
    const from = item.sent;
    const made = new Upload(item.file, {
      uploadUrl: new URL(this.path(item), location.href).href,
      chunkSize: PIECE,
      retryDelays: null, // when to try again is decided here, and said
      storeFingerprintForResuming: false,
      onBeforeRequest: (request) => { for (const [name, value] of Object.entries(headers())) request.setHeader(name, value); },
      onProgress: mine((here) => {
        item.heard = Date.now();
        item.sent = here;
        if (here > from + 1_000_000) Object.assign(item, { tries: 0, lostAt: 0 });
        item.pace.seen(here, item.heard);
        this.changed(item, item.state);
      }),
      onSuccess: mine(() => this.whole(item)),
      onError: mine((error) => {
        const answer = error.originalResponse;
        let told = {};
        try { told = JSON.parse(answer?.getBody() || "{}"); } catch { /* the words of a proxy */ }
        item.tus = null;
        this.trouble(item, answer?.getStatus() || 0, told.error || "");
      }),
    });
    return made;
  }

  whole(item) {
    this.leave(item);
    this.put(item, "checking", { file: null, sent: item.size, tries: 0, message: "" });
    this.pump();
    this.look();
  }

  /** The way is free for the next one. */
  leave(item) {
    item.run += 1;
    item.tus?.abort();
    item.tus = null;
    if (this.active === item) this.active = null;
  }

  async trouble(item, status, sentence) {
    if (this.active !== item || item.state === "paused") return;
    if (status === 401) return this.comeIn(item);
    if (status && status < 500 && !AGAIN.has(status)) {
      if (status === 404) Object.assign(item, { id: "", sent: 0, wrong: "gone" });
      this.refuse(item, sentence);
      return this.look(); // which knows why
    }
    if (!(await readable(item.file))) {
      this.leave(item);
      this.put(item, item.id ? "known" : "refused", { file: null, wrong: "unreadable" });
      return this.pump();
    }
    if (status === 409 && item.tries < 3) { // the connection before was still bringing what it held
      item.tries += 1;
      return void setTimeout(() => { if (this.active === item && item.state === "sending") this.start(item); }, 400);
    }
    const pause = PAUSES[Math.min(item.tries, PAUSES.length - 1)];
    this.put(item, "lost", { tries: item.tries + 1, lostAt: item.lostAt || Date.now(), tryAt: Date.now() + pause * 1000, message: item.tries < 3 && AGAIN.has(status) ? "" : sentence });
  }

  /** The session or its token has ended: with a new token it goes on at once, else when somebody has logged in. */
  async comeIn(item) {
    const before = item.token;
    try {
      if (await fresh()) {
        item.token = headers()["X-CSRFToken"];
        if (item.token !== before) return this.start(item);
      }
    } catch {
      return this.trouble(item, 0, "");
    }
    if (this.active === item) this.put(item, "out", { tryAt: Date.now() + LOGIN * 1000 });
  }

  refuse(item, message) {
    this.leave(item);
    this.put(item, "refused", { message });
    this.pump();
  }

  tick() {
    const item = this.active, now = Date.now();
    if (!item) return;
    if (item.state === "sending" && now - item.heard > STALL) {
      this.leave(item);
      this.active = item;
      this.trouble(item, 0, "");
    } else if (item.state === "lost" && now >= item.tryAt) this.start(item);
    else if (item.state === "out" && now >= item.tryAt) {
      item.tryAt = now + LOGIN * 1000;
      item.token = "";
      this.comeIn(item);
    } else this.changed(item, item.state);
  }

  /** The network or the person is back: no need to wait. */
  hurry() {
    const item = this.active;
    if (item?.state === "lost") this.start(item);
    else if (item?.state === "out") item.tryAt = 0;
    else if (item && Date.now() - item.heard > STALL / 3) item.heard = Math.min(item.heard, Date.now() - STALL);
  }

  // --- what a person may do ------------------------------------------------------------------------------------------

  pause(item) {
    this.leave(item);
    this.put(item, "paused", { lostAt: 0, tries: 0 });
    this.pump();
  }

  resume(item) {
    this.put(item, "waiting");
    this.pump();
  }

  /** One place earlier (-1) or later (1) among those that wait. @returns {number} its place there, from 1 */
  move(item, by) {
    const line = this.items.filter((one) => one.state === "waiting");
    const other = line[line.indexOf(item) + by];
    if (other) {
      const a = this.items.indexOf(item), b = this.items.indexOf(other);
      [this.items[a], this.items[b]] = [other, item];
      this.changed(item, item.state);
      this.changed(other, other.state);
    }
    return this.items.filter((one) => one.state === "waiting").indexOf(item) + 1;
  }

  giveUp(item) {
    this.leave(item);
    this.remove(item);
    if (item.id) this.erase(item);
    this.pump();
  }

  remove(item) {
    this.items = this.items.filter((one) => one !== item);
    this.gone(item);
  }

  /** tus' termination; a connection that was just cut may hold the file for a moment. */
  async erase(item, tries = 8) {
    this.dropped.add(item.id);
    try {
      await call(this.path(item), { method: "DELETE", more: TUS });
    } catch (error) {
      const busy = error instanceof Unreachable || error.status === 423;
      if (tries && busy) return void setTimeout(() => this.erase(item, tries - 1), 1500);
      this.dropped.delete(item.id); // it will be listed again
      this.look();
      if (!GONE.has(error.status)) this.told(error.message);
    }
  }

  /** What cannot be taken off the list (its folder is away) stays on it. */
  async dismiss(item) {
    try {
      if (item.id) await send(`${this.path(item)}/dismiss`);
    } catch (error) {
      if (!GONE.has(error.status)) return this.told(error.message);
    }
    this.remove(item);
  }

  /** A refused file once more: looked at again where it is, or sent anew. */
  async retry(item) {
    if (item.again) this.adopt(item, await send(`${this.path(item)}/retry`).catch(() => null));
    else if (item.file) {
      item.wrong = "";
      this.resume(item);
    }
    this.look();
  }

  // --- what the server says ------------------------------------------------------------------------------------------

  /** Takes over the server's list. @param {object[]} shapes see web/uploads.py */
  merge(shapes) {
    for (const shape of shapes.filter((one) => !this.dropped.has(one.id))) {
      const item = this.items.find((one) => one.id === shape.id);
      if (item) this.adopt(item, shape);
      else if (!this.asked) this.adopt(this.join({ id: shape.id, name: shape.name, size: shape.length, state: "known", expires: shape.expires }), shape, true);
    }
    const there = new Set(shapes.map((shape) => shape.id));
    for (const item of this.items) if (item.id && !item.file && !there.has(item.id)) this.remove(item);
  }

  adopt(item, shape, first = false) {
    if (!shape) return;
    const { title, description, channel, privacy, language } = shape;
    Object.assign(item, { shape: { title, description, channel, privacy, language }, guess: shape.guess, expires: shape.expires, again: shape.again, video: shape.video });
    if (item.file && shape.state === "receiving") return this.changed(item, item.state); // this page knows better
    const grew = !first && shape.state === "receiving" && shape.offset > item.sent;
    const ready = shape.video?.state === "ready";
    const state = { receiving: grew ? "elsewhere" : "known", done: ready ? "ready" : "done" }[shape.state] ?? shape.state;
    if (item.file) this.leave(item);
    this.put(item, state, { file: null, sent: shape.offset, message: shape.message ?? "", waits: shape.waits });
  }

  /** Asks soon, then less and less often; not at all where nothing can change, or nobody looks. */
  look(pause = 1500) {
    clearTimeout(this.asking);
    this.asking = setTimeout(async () => {
      if (!document.hidden) await send(this.place, undefined, "GET").then((told) => this.merge(told.uploads), () => null);
      const moving = this.items.some((item) => ["checking", "done", "known", "elsewhere"].includes(item.state));
      if (moving) this.look(Math.min(10_000, pause * 1.2));
    }, pause);
  }
}
