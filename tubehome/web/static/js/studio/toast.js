// One line at the foot of the studio: what was just done, and the way back. It stays until it is used or dismissed,
// or another one takes its place; without an undo it leaves after ten seconds.

const box = () => document.querySelector("[data-toast]");
let timer = 0;

function hide() {
  clearTimeout(timer);
  box().hidden = true;
}

/**
 * @param {string} text a whole sentence
 * @param {{label: string, act: () => void}} [undo] a button
 */
export function toast(text, undo) {
  const line = box();
  clearTimeout(timer);
  line.hidden = false;
  line.querySelector("[data-toast-text]").textContent = text;
  const button = line.querySelector("[data-toast-undo]");
  button.hidden = !undo;
  if (undo) {
    button.textContent = undo.label;
    button.onclick = () => { hide(); undo.act(); };
  } else {
    timer = setTimeout(hide, 10_000);
  }
}

box()?.querySelector("[data-toast-close]").addEventListener("click", hide);
// in a tab of its own: what is typed here can be saved afterwards
addEventListener("studio:out", () => toast(box().dataset.out, { label: box().dataset.in, act: () => open(box().dataset.login, "_blank") }));
