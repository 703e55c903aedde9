// « Copy » beside a field: its text goes to the clipboard, and the button says so.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy][data-copied]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without https
  }
  button.textContent = button.dataset.copied;
});
