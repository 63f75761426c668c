// The search of the logs: further lines in place, filters from fields, a range of time by dragging.
const MOST = 2000, ENOUGH = 40;
const list = document.querySelector("[data-lines]");
const form = document.querySelector("[data-tidy]");
const AS_STATUS = ["status_code", "error_class", "outcome"];
const make = (tag, text, properties) => Object.assign(document.createElement(tag), { textContent: text }, properties);
const searchUrl = (changes) => {
  const url = new URL(location.href);
  for (const name of ["cursor", "position", "before", "after", "matching", "done"]) url.searchParams.delete(name);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return url.href;
};

// Empty fields do not belong in the address.
form?.addEventListener("formdata", ({ formData }) => {
  for (const name of new Set(formData.keys())) {
    const values = formData.getAll(name).filter(Boolean);
    formData.delete(name);
    for (const value of values) formData.append(name, value);
  }
});

// What only an open line needs is added when it is opened.
const filterLinks = (name, value) => {
  const param = AS_STATUS.includes(name) ? "status" : name;
  if (!form.elements[param] || value.includes(",") || !value) return [];
  const before = form.elements[`not_${param}`].value, isSingle = /^(task|trace)_id$/.test(param);
  const without = before && !isSingle ? `${before},${value}` : value;
  return [["+", "Only", { [param]: value }], ["−", "Not", { [`not_${param}`]: without }]].map(
    ([sign, word, change]) => make("a", sign, {
      className: "sign", href: searchUrl(change), ariaLabel: `${word} ${name} ${value}` }));
};
const complete = (details) => {
  const links = details.querySelector("p"), context = links.querySelector("a");
  const link = make("a", "Copy link", { href: context.href });
  link.dataset.copyLink = "";
  const button = make("button", "Copy line", { type: "button", className: "quiet" });
  button.dataset.copy = details.querySelector("summary").innerText;
  links.append(link, button);
  for (const value of details.querySelectorAll("dd")) {
    const text = value.textContent;
    value.append(...filterLinks(value.previousElementSibling.textContent, text));
  }
};
const opened = (details) => {
  if (!details.matches?.(".line[open]") || details.dataset.complete) return;
  details.dataset.complete = "yes";
  complete(details);
};
document.addEventListener("toggle", ({ target }) => opened(target), true);
document.querySelectorAll(".line[open]").forEach(opened);

// Further lines are added to the page, and a search that has found little goes on by itself.
let request = null, found = 0;
const further = () => document.querySelector("[data-further]");
const fresh = (newer) => {
  for (const link of document.querySelectorAll("[data-export]")) {
    const url = new URL(link.href);
    if (newer) url.searchParams.delete("to");
    url.searchParams.set("limit", Math.max(1, list.querySelectorAll(".line").length));
    link.href = url.href;
  }
};
const add = () => {
  const page = request.response, lines = page?.querySelectorAll("[data-lines] > li") ?? [];
  const state = page?.querySelector("[data-further]");
  request = null;
  if (!state) return stop();
  found += lines.length;
  list.append(...[...lines].map((each) => document.importNode(each, true)));
  further().replaceWith(document.importNode(state, true));
  fresh();
  proceed();
};
const load = (link) => {
  link.dataset.label = link.textContent;
  link.textContent = "Stop";
  request = new XMLHttpRequest();
  request.open("GET", link.href);
  request.responseType = "document";
  request.onload = add;
  request.onerror = stop;
  request.send();
};
const stop = () => {
  request?.abort();
  request = null;
  const link = further().querySelector("a");
  if (link?.dataset.label) link.textContent = link.dataset.label;
};
const proceed = () => {
  const link = further()?.querySelector("a[data-more]");
  if (link && found < ENOUGH && list.children.length < MOST) load(link);
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-further] a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || list.children.length >= MOST) return;
  event.preventDefault();
  if (request) return stop();
  found = 0;
  load(link);
});
if (list) {
  document.addEventListener("lines:newer", () => fresh(true));
  found = list.children.length;
  proceed();
}

// Dragging over the volume narrows the range of time.
const volume = document.querySelector("[data-brush]");
let start = null;
const share = ({ clientX }) => {
  const box = volume.querySelector("svg").getBoundingClientRect();
  return Math.min(1, Math.max(0, (clientX - box.left) / box.width));
};
const ends = (event) => [start, share(event)].sort((one, other) => one - other);
if (volume) {
  const [from, step, count] = volume.dataset.brush.split(" ").map(Number);
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const time = (part) =>
    `${new Date((from + Math.round(part * count) * step) * 1000).toISOString().slice(0, 19)}Z`;
  mark.setAttribute("class", "brush");
  mark.setAttribute("height", "100%");
  volume.addEventListener("dragstart", (event) => event.preventDefault());
  volume.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.isPrimary) start = share(event);
  });
  addEventListener("pointermove", (event) => {
    if (start === null) return;
    const [low, high] = ends(event);
    if (high - low < .5 / count) return;
    volume.querySelector("svg").append(mark);
    mark.setAttribute("x", `${low * 100}%`);
    mark.setAttribute("width", `${(high - low) * 100}%`);
  });
  addEventListener("pointerup", (event) => {
    const [low, high] = start === null ? [0, 0] : ends(event);
    start = null;
    if (!mark.isConnected) return;
    addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
    setTimeout(() => mark.remove());
    if (time(low) !== time(high)) location.href = searchUrl({ from: time(low), to: time(high) });
  });
  addEventListener("pointercancel", () => {
    start = null;
    mark.remove();
  });
}
