// The list of videos: live states, the bin with its undo, filters that need no button.

import "./bin.js";
import { watch } from "./states.js";

for (const choice of document.querySelectorAll("[data-finder] select")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
watch();
