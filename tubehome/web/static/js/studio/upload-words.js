// How an upload is spoken of: the words stand in the page (#upload-words), here they are filled in.

let known;
/** Every word, in the page's language. */
export const words = () => (known ??= JSON.parse(document.getElementById("upload-words").textContent));

/** « {n} s » with its values put in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** One or many. @param {[string, string]} both */
export const count = (both, n) => fill(both[n > 1 || (n === 0 && document.documentElement.lang !== "fr") ? 1 : 0], { n });

const number = (value, digits, fixed) => new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: digits, minimumFractionDigits: fixed ? digits : 0 }).format(value);

function unit(bytes) {
  let step = 0;
  while (bytes >= 999.5 && step < 4) { bytes /= 1000; step += 1; }
  return step;
}

/** Bytes as one says them: 3.9 GB. */
export function size(bytes) {
  const step = unit(bytes), value = bytes / 1000 ** step;
  return `${number(value, step && value < 9.95 ? 1 : 0)}\u00a0${words().units[step]}`;
}

/** « 3.94 of 11.2 GB »: fine enough to be seen moving. */
export function amount(here, all) {
  const step = unit(all), same = unit(here) === step && step > 0;
  const digits = step >= 3 ? 2 : step === 2 ? 1 : 0;
  return fill(words().amount, { here: same ? number(here / 1000 ** step, digits, true) : size(here), all: size(all) });
}

export const speed = (bytes) => fill(words().speed, { size: size(bytes) });

/** As `fill`, and stays on one line. */
const close = (text, values) => fill(text, values).replaceAll(" ", "\u00a0");

/** Seconds as one says them. */
export function time(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return close(words().seconds, { n: Math.max(1, Math.ceil(seconds)) });
  if (minutes < 60) return close(words().minutes, { n: minutes });
  return close(words().hours, { h: Math.floor(minutes / 60), m: String(minutes % 60).padStart(2, "0") });
}

/** The time of day of a moment (ms). */
export function clock(moment) {
  const when = new Date(moment);
  return close(words().clock, { h: when.getHours(), m: String(when.getMinutes()).padStart(2, "0") });
}

export const day = (iso) => new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "long" }).format(new Date(iso));

const EVERY = 4000; // ms between two announcements
let next = 0, timer = 0, waiting = [];

/** Tells those who listen to the page: not more often than every few seconds, the newest of each matter. */
export function announce(text, matter = text) {
  waiting = [...waiting.filter((one) => one.matter !== matter), { text, matter }].slice(-3);
  timer ||= setTimeout(tell, Math.max(150, next - Date.now()));
}

function tell() {
  timer = 0;
  next = Date.now() + EVERY;
  document.querySelector("[data-said]").textContent = waiting.map((one) => one.text).join(" ");
  waiting = [];
}
