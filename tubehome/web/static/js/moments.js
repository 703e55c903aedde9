// Moments of a film, as addresses and people write them.

/**
 * A moment as addresses write it: 90, 90s, 1m30s, 1h2m3s, 1:02:03.
 * @param {string | null | undefined} text
 * @returns {number | null} seconds
 */
export function moment(text) {
  if (!text) return null;
  const clock = /^(?:(\d+):)?(\d{1,2}):(\d{2})$/.exec(text);
  const parts = clock ?? /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(text);
  if (!parts || parts.slice(1).every((part) => part === undefined)) return null;
  const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
}

/** The moment that an address asks for: ?t=90 or #t=90. @param {URL | Location} address */
export function asked(address) {
  return moment(new URLSearchParams(address.hash.slice(1)).get("t")) ?? moment(new URLSearchParams(address.search).get("t"));
}

/** 4155 → 1:09:15. @param {number} seconds */
export function clock(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(total / 3600), minutes = Math.floor(total / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}
