// What the studio's scripts say to the server: JSON there and back, with the token of the session.

/** The server answered with a refusal; `message` is the sentence for the owner, `fields` what is wrong by field. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.error || "");
    this.status = status;
    this.fields = said.errors || {};
    this.said = said;
  }
}

/** The server could not be reached: try again later. */
export class Unreachable extends Error {}

const PATIENCE = 30_000; // ms

const meta = () => document.querySelector("meta[name=csrf-token]");
export const token = () => meta().content;

/** What every request carries. */
export const headers = () => ({ Accept: "application/json", "Accept-Language": document.documentElement.lang, "X-CSRFToken": token() });

/**
 * Takes the token that a page would carry now: whoever logged in again, in another tab, has a new one.
 * @returns {Promise<boolean>} false when nobody is logged in
 */
export async function fresh() {
  const place = document.querySelector("[data-drop]")?.dataset.drop;
  if (!place) return false;
  const answer = await reach(place, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Unreachable();
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("meta[name=csrf-token]");
  if (found) meta().content = found.content;
  return Boolean(found);
}

async function reach(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch {
    throw new Unreachable();
  }
}

/** Was it the token that did not please? (Uploads say 401, forms 400 with a page.) */
const stale = (answer) => answer.status === 401 || (answer.status === 400 && !answer.headers.get("Content-Type")?.includes("json"));

/**
 * One request with the token; with a new one, if the old one has expired.
 * @returns {Promise<Response>} a good answer
 */
export async function call(path, { method = "POST", body, more = {}, keepalive = false } = {}) {
  const once = () => reach(path, { method, body, keepalive, headers: { ...headers(), ...more } });
  let answer = await once();
  if (stale(answer) && !keepalive && (await fresh())) answer = await once();
  if (answer.status === 401) { // logged out elsewhere, or the session has ended: nothing of this page can be saved
    dispatchEvent(new CustomEvent("studio:out"));
    throw new Refused(401, {});
  }
  if (answer.status >= 502 && answer.status <= 504) throw new Unreachable(); // a server that is just starting again
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

/**
 * @param {string} path of this site
 * @param {object} [data] sent as JSON; without it the request carries no body
 * @returns {Promise<object>} what the server says
 */
export async function send(path, data, method = "POST") {
  const body = data === undefined ? undefined : JSON.stringify(data);
  const answer = await call(path, { method, body, more: body ? { "Content-Type": "application/json" } : {} });
  return answer.status === 204 ? {} : answer.json().catch(() => ({}));
}
