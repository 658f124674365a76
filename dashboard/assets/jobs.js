// Running jobs: one small request a second while a bar is on the page, none without; and the queue.
(function () {
  const EACH_MS = 1000;
  const OVER = new Set(["done", "failed", "cancelled"]);
  let isAsking = false;

  const get = async (url) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  };

  // The bar of one job.
  const write = (bar, words) => {
    Object.entries(words).forEach(([name, text]) => {
      const slot = bar.querySelector(`[data-word="${name}"]`);
      if (slot && slot.textContent !== String(text)) slot.textContent = text;
    });
    const share = 100 * words.share;
    bar.querySelector(".progress-fill").style.width = `${share.toFixed(1)}%`;
    bar.querySelector(".progress-bar").setAttribute("aria-valuenow", share.toFixed(0));
  };
  const askBar = async (bar) => {
    const mark = bar.dataset.done === undefined ? "" : `${bar.dataset.poll.includes("?") ? "&" : "?"}done=${bar.dataset.done}`;
    const found = await get(bar.dataset.poll + mark);
    if (!bar.isConnected) return;
    write(bar, found.words);
    const badge = document.querySelector(".result-title .badge");
    if (badge) badge.textContent = found.status;
    bar.dataset.done = found.done;
    if (found.cells) window.hindcast.fillMap(found.cells);
    if (OVER.has(found.status) || found.reload) {
      bar.removeAttribute("data-poll");
      window.hindcast.reload();
    }
  };

  // The queue: what waits or runs. Once nothing does, nobody asks until the page is opened again.
  const part = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  const line = (item) => {
    const row = part("li");
    const head = part("div", "queue-head");
    const name = part(item.href ? "a" : "span", "queue-name", item.title);
    if (item.href) name.href = item.href;
    name.title = item.kind;
    head.append(name);
    if (item.can_cancel) {
      const cancel = part("button", "icon-button");
      cancel.type = "button";
      cancel.title = "Cancel";
      cancel.setAttribute("aria-label", `Cancel ${item.title}`);
      cancel.append(part("span", "icon icon-close"));
      cancel.addEventListener("click", () => {
        cancel.disabled = true;
        window.dash_clientside.set_props("queue-cancel", { data: { job: item.job, at: Date.now() } });
      });
      head.append(cancel);
    }
    const bar = part("div", "progress-bar");
    const fill = part("div", "progress-fill");
    fill.style.width = `${(100 * item.share).toFixed(1)}%`;
    bar.append(fill);
    const foot = part("div", "queue-foot");
    foot.append(part("b", "", item.percent), part("span", "", item.rate), part("span", "", item.state));
    row.append(head, bar, foot);
    return row;
  };
  const askQueue = async (box) => {
    const { items } = await get(box.dataset.queue);
    if (!box.isConnected) return;
    box.hidden = !items.length;
    box.querySelector(".queue-count").textContent = String(items.length);
    const list = box.querySelector(".queue-list");
    // A button that is being pressed is not exchanged under the finger.
    if (!list.querySelector("button:active")) list.replaceChildren(...items.map(line));
    if (!items.length) box.removeAttribute("data-queue");
  };

  // The list of sweeps: its small bars; when one of them is over, the list is asked for again.
  const askList = async (page) => {
    const { items } = await get("/series/jobs");
    if (!page.isConnected) return;
    const known = new Map(items.map((item) => [item.subject, item]));
    const rows = [...page.querySelectorAll("[data-subject]")].filter((row) => row.querySelector(".study-progress"));
    rows.forEach((row) => {
      const item = known.get(row.dataset.subject);
      if (!item) return;
      row.querySelector(".bar-fill").style.width = `${(100 * item.share).toFixed(1)}%`;
      row.querySelector('[data-job="percent"]').textContent = item.percent;
    });
    if (rows.some((row) => !known.has(row.dataset.subject))) window.hindcast.reload();
  };

  const next = () => {
    const bar = document.querySelector(".progress[data-poll]");
    if (bar) return askBar(bar);
    const box = document.querySelector(".queue[data-queue]");
    if (box) return askQueue(box);
    const page = document.querySelector("[data-watch-jobs]");
    return page ? askList(page) : null;
  };
  setInterval(async () => {
    if (isAsking || document.hidden) return;
    isAsking = true;
    try {
      await next();
    } catch {
      const slot = document.querySelector('.progress[data-poll] [data-word="note"]');
      if (slot) slot.textContent = "no answer, asking again";
    }
    isAsking = false;
  }, EACH_MS);
})();
