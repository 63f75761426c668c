// The browser's own time zone as one more choice, and one key that goes to the next zone.
const choices = document.querySelector("[data-zones] ul");
if (choices) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const links = () => [...choices.querySelectorAll("a")];
  if (here && !links().some((each) => each.dataset.zone === here)) {
    const url = new URL(links()[0].href);
    url.searchParams.set("tz", here);
    const link = document.createElement("a"), item = document.createElement("li");
    link.href = url.href;
    link.dataset.zone = link.textContent = here;
    item.append(link);
    choices.append(item);
  }
  const place = links().findIndex((each) => each.hasAttribute("aria-current"));
  const next = links()[(place + 1) % links().length];
  if (next && links().length > 1) next.setAttribute("aria-keyshortcuts", "z");
}
// The sentence about what was done is part of one answer, not of the page's state.
if (document.querySelector("[data-done]")) {
  const url = new URL(location.href);
  url.searchParams.delete("done");
  history.replaceState(null, "", url);
}
