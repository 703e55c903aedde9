// Into the bin without leaving the page, and back: the form of each row, with an undo.

import { Refused, send } from "./send.js";
import { toast } from "./toast.js";

async function discard(form) {
  const path = form.getAttribute("action");
  try {
    const said = await send(path);
    const row = form.closest("[data-row]"), away = form.dataset.away;
    const label = (form.closest("[data-back]") || document.querySelector("[data-back]")).dataset.back;
    const next = row?.nextElementSibling || row?.previousElementSibling;
    if (row) row.hidden = true;
    (next?.querySelector("a") || document.getElementById("content")).focus();
    toast(said.done, {
      label,
      act: async () => {
        await send(path.replace(/discard$/, "undelete"));
        if (row) { row.hidden = false; row.querySelector("a").focus(); } else location.reload();
      },
    });
    if (away) form.hidden = true;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return;
    form.submit(); // the plain way tells what is wrong
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-discard]")) {
    event.preventDefault();
    if (form.dataset.busy) return; // a second click
    form.dataset.busy = "1";
    discard(form).finally(() => { delete form.dataset.busy; });
  } else if (form.dataset.sure && !confirm(form.dataset.sure)) {
    event.preventDefault();
  }
});
