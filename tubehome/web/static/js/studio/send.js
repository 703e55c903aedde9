// What the studio's scripts say to the server: JSON there and back, with the token of the session.

/** The server answered with a refusal; `message` is the sentence for the owner, `fields` what is wrong by field. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.error || "");
    this.status = status;
    this.fields = said.errors || {};
  }
}

/** The server could not be reached: try again later. */
export class Unreachable extends Error {}

export const token = () => document.querySelector("meta[name=csrf-token]").content;

/**
 * @param {string} path of this site
 * @param {object} [data] sent as JSON; without it the request carries no body
 * @returns {Promise<object>} what the server says
 */
export async function send(path, data, method = "POST") {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (data !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: data === undefined ? undefined : JSON.stringify(data), credentials: "same-origin" });
  } catch {
    throw new Unreachable();
  }
  if (answer.status === 401) { // logged out elsewhere, or the session has ended: nothing of this page can be saved
    dispatchEvent(new CustomEvent("studio:out"));
    throw new Refused(401, {});
  }
  if (answer.status >= 502) throw new Unreachable(); // a server that is just starting again
  const said = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}
