// Keeps an open page up to date: asks for the page again and replaces the parts that have changed.
// XMLHttpRequest parses the answer without a Trusted Types sink, and runs no script in it.
const SECONDS = 5, HIDDEN_SECONDS = 60, MOST_SECONDS = 120;
const indicator = document.querySelector("[data-connection]");
const announcer = document.querySelector("[data-announcer]");
let tag = "", failures = 0, timer = 0, request = null, isPaused = false;

const show = (state, text) => {
  indicator.className = `quiet connection ${state}`;
  if (indicator.textContent !== text) indicator.textContent = text;
};
const announcement = (page) => page.querySelector("[data-announce]")?.textContent.trim();
const isEdited = (part) =>
  [...part.querySelectorAll("input, textarea")].some(
    (each) => each.value !== each.defaultValue || each === document.activeElement);

const replacePart = (old, part) => {
  if (isEdited(old)) {
    tag = ""; // so that it is not left out for good
    return;
  }
  const fresh = document.importNode(part, true);
  for (const open of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  document.dispatchEvent(new CustomEvent("page:prepare", { detail: fresh }));
  if (old.isEqualNode(fresh)) return;
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const same = active && (active.id ? `#${CSS.escape(active.id)}`
    : active.getAttribute("href") ? `[href="${CSS.escape(active.getAttribute("href"))}"]` : null);
  old.replaceWith(fresh);
  if (same) fresh.querySelector(same)?.focus({ preventScroll: true });
};

const update = (page) => {
  const before = announcement(document);
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const part = page.getElementById(old.id);
    if (part) replacePart(old, part);
  }
  document.title = page.title;
  const after = announcement(document);
  if (after && after !== before) announcer.textContent = after;
};

const answered = () => {
  const { status } = request;
  if (status === 200 && request.response && request.response.querySelector("[data-connection]")) {
    tag = request.getResponseHeader("ETag") || "";
    update(request.response);
  } else if (status === 200 || status === 401 || status === 403) {
    show("lost", "Signed out. Reload the page.");
    return;
  } else if (status !== 304) {
    failed();
    return;
  }
  failures = 0;
  show("live", "Live");
  wait();
};
const failed = () => {
  failures += 1;
  show("lost", "No answer. Trying again.");
  wait();
};
const wait = () => {
  clearTimeout(timer);
  const seconds = document.hidden ? HIDDEN_SECONDS : Math.min(SECONDS * 2 ** failures, MOST_SECONDS);
  timer = setTimeout(ask, seconds * 1000);
};
const ask = () => {
  request?.abort();
  request = new XMLHttpRequest();
  request.open("GET", location.href.replace(/#.*/, ""));
  request.responseType = "document";
  request.timeout = 30000;
  if (tag) request.setRequestHeader("If-None-Match", tag);
  request.onload = answered;
  request.onerror = request.ontimeout = failed;
  request.send();
};

const pause = () => {
  isPaused = !isPaused;
  indicator.setAttribute("aria-pressed", isPaused);
  if (!isPaused) return ask();
  request?.abort();
  clearTimeout(timer);
  show("paused", "Paused");
};

if (document.body.hasAttribute("data-poll")) {
  indicator.hidden = false;
  show("live", "Live");
  indicator.addEventListener("click", pause);
  document.addEventListener("visibilitychange", () => {
    if (!isPaused) (document.hidden ? wait : ask)();
  });
  wait();
}
