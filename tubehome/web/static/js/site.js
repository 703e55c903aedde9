// On every page, before the first paint: the theme chosen here. Then it waits for clicks; nothing else moves.
(() => {
  const root = document.documentElement;
  const THEMES = ["light", "dark"];
  root.classList.add("js");

  /** The choice stays in this browser's storage; without storage it holds for the page. */
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private window */ } };

  /** @param {string | null} theme "light", "dark", or anything else for the system's */
  const wear = (theme) => {
    if (THEMES.includes(theme)) root.dataset.theme = theme; else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === (root.dataset.theme ?? "auto")));
    }
  };

  /** Copies the field that the button names; where the clipboard is closed, the words stay selected. */
  const copy = async (button) => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    const done = await navigator.clipboard?.writeText(field.value).then(() => true, () => false);
    if (!done && !document.execCommand("copy")) return;
    const before = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = before; }, 4000);
  };

  wear(stored());
  addEventListener("DOMContentLoaded", () => wear(stored()));
  addEventListener("storage", (event) => { if (event.key === "theme") wear(event.newValue); });

  addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-set], [data-copy]");
    if (button?.dataset.themeSet) { store(button.dataset.themeSet); wear(button.dataset.themeSet); }
    else if (button) copy(button);
    for (const open of document.querySelectorAll(".pop[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest?.(".pop[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
})();
