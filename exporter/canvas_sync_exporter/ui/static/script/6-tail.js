// Follows the logs. A browser has few connections to a server, so only one of its windows has a
// stream: the one that asked for it last. Windows that show the same get its lines.
const MOST = 2000, RETRY_SECONDS = 10, PATIENCE_SECONDS = 8;
const button = document.querySelector("[data-tail]");

const begin = () => {
  const list = document.querySelector("[data-lines]");
  const skeleton = document.querySelector("[data-skeleton]").content.firstElementChild;
  const indicator = document.querySelector("[data-connection]");
  const channel = new BroadcastChannel("canvas-sync-tail");
  const url = new URL(button.dataset.tail, location.href);
  let last = url.searchParams.get("cursor");
  url.searchParams.delete("cursor");
  const key = url.href;
  let source = null, since = 0, timer = 0, isPaused = false, gap = null, isWanted = false;

  const show = (state, text) => {
    indicator.className = `quiet connection ${state}`;
    indicator.textContent = text;
  };
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const rowOf = (line) => {
    const row = skeleton.cloneNode(true);
    const [clock, level, log, message] = row.querySelector("summary").children;
    const [context, run, whole] = row.querySelectorAll("p a");
    clock.textContent = line.clock;
    level.textContent = line.level;
    level.className = line.kind;
    log.textContent = line.log;
    message.textContent = line.message;
    for (const [link, target] of [[context, line.url], [run, line.run_url], [whole, line.whole_url]]) {
      if (target) link.href = target;
      else link.remove();
    }
    row.querySelector("dl").replaceChildren(
      ...line.fields.flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
    return row;
  };
  const trim = () => {
    while (list.children.length > MOST) list.lastElementChild.remove();
  };
  const put = (...rows) => {
    document.querySelector("[data-empty]")?.remove();
    list.prepend(...rows);
    trim();
    document.dispatchEvent(new CustomEvent("lines:newer"));
  };

  const skipped = ({ lines, is_exact: isExact, next }) => {
    const row = element("li", `${isExact ? "" : "More than "}${lines} lines skipped: too many at once. `);
    row.className = "gap";
    if (next) {
      const link = element("a", "Search them"), there = new URL(location.href);
      there.searchParams.set("order", "oldest");
      there.searchParams.set("cursor", next);
      link.href = there.href;
      row.append(link);
    }
    put(row);
  };
  const keep = (line) => {
    if (!gap) {
      const row = element("li", ""), more = element("button", "");
      row.className = "gap";
      row.append(more);
      gap = { more, lines: [], count: 0 };
      const mine = gap;
      more.type = "button";
      more.addEventListener("click", () => {
        row.replaceWith(...mine.lines.map(rowOf).reverse());
        trim();
        if (gap === mine) gap = null;
      });
      put(row);
    }
    gap.lines.push(line);
    gap.count += 1;
    if (gap.lines.length > MOST) gap.lines.shift();
    gap.more.textContent =
      `${gap.count} ${gap.count === 1 ? "line" : "lines"} skipped while paused, load them`;
  };
  const take = ({ kind, data, id }) => {
    if (id) last = id;
    if (kind === "skipped") skipped(data);
    else if (isPaused) keep(data);
    else put(rowOf(data));
  };

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const release = () => {
    if (source) channel.postMessage({ kind: "free" });
    close();
  };
  const label = () => {
    button.textContent = isPaused ? "Resume" : "Pause";
    if (source) show(isPaused ? "paused" : "live", isPaused ? "Paused" : "Live");
  };
  const open = () => {
    close();
    since = Date.now() + Math.random();
    channel.postMessage({ kind: "take", key, since });
    url.searchParams.set("cursor", last);
    source = new EventSource(url);
    source.onopen = () => {
      clearTimeout(timer);
      label();
    };
    const pass = (kind) => ({ data, lastEventId: id }) => {
      const message = { kind, key, data: JSON.parse(data), id };
      channel.postMessage(message);
      take(message);
    };
    source.onmessage = pass("line");
    source.addEventListener("skipped", pass("skipped"));
    source.addEventListener("problem", ({ data }) => show("lost", JSON.parse(data)));
    source.onerror = () => { // also when the server has ended a stream, to be asked for another
      const lost = () => show("lost", "No answer. Trying again.");
      const isClosed = source?.readyState === EventSource.CLOSED;
      clearTimeout(timer);
      if (isClosed) lost();
      timer = setTimeout(isClosed ? open : lost, (isClosed ? RETRY_SECONDS : PATIENCE_SECONDS) * 1000);
    };
  };
  channel.onmessage = ({ data: message }) => {
    if (!isWanted) return;
    if (message.kind === "free") {
      if (!source && !document.hidden) open();
    } else if (message.kind === "take") {
      if (source && message.since > since) close();
      if (!source) show("paused", message.key === key ? "Live in another window" : "Waiting for another window");
    } else if (message.key === key && !source) take(message);
  };
  document.addEventListener("visibilitychange", () => {
    if (isWanted) (document.hidden ? release : open)();
  });
  addEventListener("pagehide", release);

  const toggle = () => {
    if (isWanted) isPaused = !isPaused;
    if (isWanted && !isPaused) gap = null;
    if (!isWanted) open();
    isWanted = true;
    indicator.hidden = false;
    label();
  };
  button.hidden = false;
  button.addEventListener("click", toggle);
  indicator.addEventListener("click", toggle);
};
if (button) begin();
