// Keys. An element says by `aria-keyshortcuts` which key follows, presses or focuses it.
const dialog = document.querySelector("#keys");
const help = document.querySelector("[data-help]");
const SWITCH = "canvas-sync-keys";
const isOn = () => localStorage.getItem(SWITCH) !== "off";
const withKeys = () => [...document.querySelectorAll("[aria-keyshortcuts]")];
const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]");

const list = () => {
  const rows = withKeys().flatMap((element) => [
    [element.getAttribute("aria-keyshortcuts"), element.getAttribute("aria-label")
      || element.title || element.labels?.[0]?.textContent || element.textContent]]);
  if (document.querySelector("[data-row]")) rows.push(["j", "Next row"], ["k", "Previous row"]);
  dialog.querySelector("[data-keys]").replaceChildren(...rows.flatMap(([key, name]) => {
    const term = document.createElement("dt"), cap = document.createElement("kbd");
    const meaning = document.createElement("dd");
    cap.textContent = key;
    meaning.textContent = name.trim();
    term.append(cap);
    return [term, meaning];
  }));
};
const openHelp = () => {
  list();
  dialog.showModal();
};
const moveRow = (step) => {
  const rows = [...document.querySelectorAll("[data-row]")];
  const place = rows.indexOf(document.activeElement?.closest("[data-row]"));
  rows[Math.max(0, Math.min(rows.length - 1, place + step))]?.focus();
};
const use = (element) => {
  if (element.matches("input, select, textarea, [aria-current]")) element.focus();
  else element.click();
};

if (help) {
  help.hidden = false;
  help.addEventListener("click", openHelp);
  const box = dialog.querySelector("[data-keys-on]");
  box.checked = isOn();
  box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || dialog.open) return;
    if (!isOn() || isTyping(event.target)) return;
    const element = withKeys().find((each) => each.getAttribute("aria-keyshortcuts") === event.key);
    if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
    else if (element === help) openHelp();
    else if (element) use(element);
    else return;
    event.preventDefault();
  });
}
