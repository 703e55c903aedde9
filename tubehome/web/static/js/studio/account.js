// Copying a token, printing codes, and being sure before codes are made anew.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    await navigator.clipboard?.writeText(field.value).catch(() => document.execCommand("copy"));
    button.textContent = button.dataset.copied;
  }
  if (event.target.closest("[data-print]")) print();
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sure && !confirm(event.target.dataset.sure)) event.preventDefault();
});
