// Buttons and links that copy.
const announcer = document.querySelector("[data-announcer]");
const prepare = (root) => {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
};
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    announcer.textContent = `Copied: ${text}`;
    return "Copied";
  } catch {
    announcer.textContent = "The browser does not allow copying.";
    return "Not allowed";
  }
};
document.addEventListener("click", async (event) => {
  const element = event.target.closest("[data-copy], [data-copy-link]");
  if (!element) return;
  event.preventDefault();
  const label = element.firstChild, before = label.textContent;
  label.textContent = await copy(element.dataset.copy ?? element.href);
  setTimeout(() => (label.textContent = before), 1500);
});
document.addEventListener("page:prepare", (event) => prepare(event.detail));
prepare(document);
