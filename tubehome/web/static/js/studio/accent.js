// The colour and the corners as they will be, while they are being chosen.

const choice = document.querySelector("[data-accent-choice]");
const corner = document.getElementById("corner");
const own = choice?.querySelector("[name=accent_own]");

function show() {
  const chosen = choice.querySelector("[name=accent]:checked")?.value;
  const accent = chosen === "own" || !chosen ? own.value : chosen;
  for (const card of document.querySelectorAll("[data-preview]")) {
    card.style.setProperty("--accent", accent);
    card.style.setProperty("--corner", `${corner.value}px`);
  }
}

if (choice) {
  own.addEventListener("input", () => { document.getElementById("accent-own").checked = true; });
  choice.addEventListener("input", show);
  corner.addEventListener("input", show);
  show();
}
