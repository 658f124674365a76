// A run's page: its view in the address, tabs, crosshair and selection on charts over time.
// The stores are the view's truth: controls set them, the address and the drawing follow.
(function () {
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const LEFT = 12; // The left margin of every chart over time, in pixels.
  const MINUS = "\u2212";
  const THIN = "\u202f";
  const state = { tab: "overview", range: { from: null, to: null }, scale: "log", symbol: null, trade: null };

  const root = () => document.getElementById("result");
  const set = (id, data) => clientside.set_props(id, { data });
  const signed = (text, value, plus) => (value < 0 ? MINUS : plus ? "+" : "") + text;
  const isoDay = (ms) => new Date(ms).toISOString().slice(0, 10);

  const text = {
    money: (v) => signed("$" + Math.abs(v).toLocaleString("en-US", { maximumFractionDigits: 0 }), v),
    shortMoney: (v) => {
      const size = Math.abs(v);
      const [unit, scale] = size >= 1e6 ? ["M", 1e6] : size >= 1e3 ? ["k", 1e3] : ["", 1];
      return signed("$" + (size / scale).toFixed(scale === 1e6 ? 1 : 0) + unit, v);
    },
    percent: (v, digits = 1, plus = false) => signed((Math.abs(v) * 100).toFixed(digits) + THIN + "%", v, plus),
    ratio: (v) => signed(Math.abs(v).toFixed(2), v),
  };

  // The view: address, shown tab, selection.
  const query = (view) => {
    const pairs = [];
    if (view.tab !== "overview") pairs.push(["tab", view.tab]);
    if (view.range.from) pairs.push(["from", view.range.from]);
    if (view.range.to) pairs.push(["to", view.range.to]);
    if (view.scale !== "log") pairs.push(["scale", view.scale]);
    if (view.symbol) pairs.push(["symbol", view.symbol]);
    if (view.trade) pairs.push(["trade", String(view.trade)]);
    const part = ([name, value]) => `${name}=${encodeURIComponent(value).replace(/%3A/g, ":")}`;
    return pairs.length ? "?" + pairs.map(part).join("&") : "";
  };

  const wanted = new Set();
  const showTab = (tab) => {
    const page = root();
    if (page.dataset.tab !== tab) {
      page.dataset.tab = tab;
      // A chart drawn while hidden has no size.
      requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    }
    page.querySelectorAll("[data-tab-button]").forEach((button) => {
      const shown = button.dataset.tabButton === tab;
      button.setAttribute("aria-selected", String(shown));
      button.tabIndex = shown ? 0 : -1;
    });
    const panel = page.querySelector(`.result-panel-${tab} .skeleton`);
    const key = page.dataset.runId + tab;
    if (panel && !wanted.has(key)) {
      wanted.add(key);
      clientside.set_props({ type: "result-wanted", tab }, { data: true });
    }
  };

  const view = (tab, range, scale, symbol, trade) => {
    const page = root();
    if (!page) return "";
    if (page !== state.page) wanted.clear();
    const changedTrade = trade !== state.trade || symbol !== state.symbol;
    Object.assign(state, { page, tab, range: range || { from: null, to: null }, scale, symbol, trade });
    showTab(tab);
    paintSelections();
    if (changedTrade) window.hindcastChart.show(symbol, trade);
    explain();
    window.hindcast.replaceQuery(query(state));
    return query(state);
  };

  // Charts over time. The axis covers exactly the data's first to last bar, between the margins,
  // so a place on the screen is an instant by arithmetic.
  const frame = (chart) => {
    const box = chart.getBoundingClientRect();
    const width = box.width - LEFT - Number(chart.dataset.right);
    return { box, width, first: Number(chart.dataset.first), last: Number(chart.dataset.last) };
  };
  const timeAt = (chart, clientX) => {
    const { box, width, first, last } = frame(chart);
    const share = Math.min(Math.max((clientX - box.left - LEFT) / width, 0), 1);
    return first + share * (last - first);
  };
  const placeOf = (chart, ms) => {
    const { width, first, last } = frame(chart);
    return LEFT + (Math.min(Math.max((ms - first) / (last - first), 0), 1)) * width;
  };
  const layer = (chart, name) => {
    let element = chart.querySelector(`:scope > .${name}`);
    if (!element) {
      element = document.createElement("div");
      element.className = name;
      chart.append(element);
    }
    return element;
  };
  const linesOf = (chart) => {
    const plot = chart.querySelector(".js-plotly-plot");
    return (plot && plot._fullData ? plot._fullData : []).filter((line) => line.meta && line.x && line.x.length);
  };
  const nearest = (times, ms) => {
    let [low, high] = [0, times.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] < ms) low = middle;
      else high = middle;
    }
    return ms - times[low] < times[high] - ms ? low : high;
  };

  // Crosshair: one vertical line, a dot on each line, the date at the axis, values in the head.
  const slotTexts = (values) => ({
    equity: values.equity !== undefined && text.money(values.equity),
    benchmark: values.benchmark !== undefined && text.money(values.benchmark),
    band: values.band_low !== undefined && `${text.shortMoney(values.band_low)} – ${text.shortMoney(values.band_high)}`,
    drawdown: values.drawdown !== undefined && text.percent(values.drawdown),
  });
  const fillSlots = (chart, texts) => {
    chart.closest(".card").querySelectorAll("[data-slot]").forEach((slot) => {
      if (slot.dataset.last === undefined) slot.dataset.last = slot.textContent;
      slot.textContent = (texts && texts[slot.dataset.slot]) || slot.dataset.last;
    });
  };
  const labelled = { sharpe: text.ratio, beta: text.ratio, volatility: text.percent, total: (v) => text.percent(v, 0) };
  // Compared runs are lines "run-0", "run-1", …; of many, only dots are shown.
  const labelOf = (name, plot) => {
    if (labelled[name]) return labelled[name];
    if (!name.startsWith("run-") || plot._fullData.length > 16) return null;
    const isRelative = plot.layout.yaxis.zeroline;
    return isRelative ? (v) => text.percent(v, 0, true) : (v) => v.toFixed(0);
  };

  const hideCrosshair = () => {
    document.querySelectorAll(".timechart-cross").forEach((cross) => {
      if (!cross.hidden) fillSlots(cross.parentElement, null);
      cross.hidden = true;
    });
  };
  const showCrosshair = (chart, clientX) => {
    const lines = linesOf(chart);
    if (!lines.length) return;
    const cross = layer(chart, "timechart-cross");
    const times = lines[0].x;
    const at = nearest(times, timeAt(chart, clientX));
    const left = placeOf(chart, times[at]);
    const values = {};
    cross.hidden = false;
    cross.style.left = `${left}px`;
    cross.replaceChildren();
    const plot = chart.querySelector(".js-plotly-plot");
    lines.forEach((line) => {
      const value = line.y[at];
      if (value === null || value === undefined || Number.isNaN(value)) return;
      values[line.meta] = value;
      if (line.meta.startsWith("band_") || line.meta.startsWith("benchmark")) return;
      const axis = plot._fullLayout[(line.yaxis || "y").replace("y", "yaxis")];
      const dot = document.createElement("i");
      dot.style.top = `${axis._offset + axis.d2p(value)}px`;
      dot.style.background = line.line.color;
      cross.append(dot);
      const words = labelOf(line.meta, plot);
      if (words) dot.dataset.value = words(value);
    });
    const day = document.createElement("span");
    const stamp = new Date(times[at]).toISOString();
    day.textContent = stamp.endsWith("T00:00:00.000Z") ? stamp.slice(0, 10) : stamp.slice(0, 16).replace("T", " ");
    cross.append(day);
    cross.classList.toggle("timechart-cross-right", left > chart.clientWidth * 0.8);
    fillSlots(chart, slotTexts(values));
  };

  // Selection: a drag selects; double click or the chip's mark clears.
  const paintSelections = () => {
    const page = root();
    if (!page) return;
    const { from, to } = state.range;
    page.querySelectorAll(".timechart").forEach((chart) => {
      const shade = layer(chart, "timechart-selection");
      shade.hidden = !(from || to);
      if (shade.hidden) return;
      const first = from ? Date.parse(from + (from.length > 10 ? "Z" : "")) : Number(chart.dataset.first);
      const last = to ? Date.parse(to + (to.length > 10 ? "Z" : "")) : Number(chart.dataset.last);
      const left = placeOf(chart, first);
      shade.style.left = `${left}px`;
      shade.style.width = `${placeOf(chart, last) - left}px`;
    });
  };
  const select = (from, to) => set("result-range", { from, to });
  const moment = (chart, ms) => {
    const times = linesOf(chart)[0].x;
    const stamp = new Date(times[nearest(times, ms)]).toISOString();
    return stamp.endsWith("T00:00:00.000Z") ? stamp.slice(0, 10) : stamp.slice(0, 16);
  };

  const chartUnder = (event) => event.target.closest && event.target.closest(".timechart");
  let drag = null;
  let press = null;
  let clickedAt = 0;
  document.addEventListener("pointerdown", (event) => {
    const chart = chartUnder(event);
    if (!chart || event.button) return;
    if (event.pointerType === "touch") {
      // A long press shows the crosshair; anything shorter belongs to the page's scroll.
      press = setTimeout(() => {
        press = null;
        showCrosshair(chart, event.clientX);
      }, 300);
      return;
    }
    if (chart.dataset.selects === "1") drag = { chart, from: event.clientX };
  });
  document.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") {
      const shown = document.querySelector(".timechart-cross:not([hidden])");
      if (shown) showCrosshair(shown.parentElement, event.clientX);
      return;
    }
    const chart = drag ? drag.chart : chartUnder(event);
    if (!chart) {
      hideCrosshair();
      return;
    }
    showCrosshair(chart, event.clientX);
    if (drag && Math.abs(event.clientX - drag.from) > 4) {
      const shade = layer(drag.chart, "timechart-selection");
      const { box } = frame(drag.chart);
      const ends = [drag.from, event.clientX].map((x) => x - box.left).sort((a, b) => a - b);
      shade.hidden = false;
      shade.style.left = `${ends[0]}px`;
      shade.style.width = `${ends[1] - ends[0]}px`;
      document.body.classList.add("selecting");
    }
  });
  const release = (event) => {
    clearTimeout(press);
    document.body.classList.remove("selecting");
    if (event.pointerType === "touch") {
      hideCrosshair();
      return;
    }
    if (drag && Math.abs(event.clientX - drag.from) > 4) {
      const ends = [drag.from, event.clientX].sort((a, b) => a - b);
      const [from, to] = ends.map((x) => moment(drag.chart, timeAt(drag.chart, x)));
      if (from < to) select(from, to);
      else paintSelections();
    } else if (drag) {
      // Plotly covers the page while a button is down, so no dblclick ever reaches the chart.
      if (event.timeStamp - clickedAt < 400) select(null, null);
      clickedAt = event.timeStamp;
    }
    drag = null;
  };
  document.addEventListener("pointerup", release);
  document.addEventListener("pointercancel", release);
  window.addEventListener("resize", () => {
    hideCrosshair();
    paintSelections();
  });

  // Actions: buttons say what they do in data-action.
  const copy = async (words, what) => {
    try {
      await navigator.clipboard.writeText(words);
      window.hindcast.note({ text: `${what} copied.` });
    } catch {
      window.hindcast.note({ text: "The browser did not allow copying.", kind: "error" });
    }
  };
  const acts = {
    "copy-id": () => copy(root().dataset.runId, "Id"),
    share: () => copy(location.href, "Link"),
    "copy-block": (button) => copy(button.closest("details").querySelector("pre").textContent, "Text"),
    "clear-range": () => select(null, null),
    note: () => {
      clientside.set_props("result-note-editor", { hidden: false });
      requestAnimationFrame(() => document.getElementById("result-note-text").focus());
    },
    "previous-trade": () => window.hindcastChart.walk(-1),
    "next-trade": () => window.hindcastChart.walk(1),
    delete: () => {
      const id = root().dataset.runId;
      window.hindcast.note({
        text: "This run is being deleted.",
        seconds: 6,
        undo: () => undefined,
        done: () => {
          set("runs-delete-now", [id]);
          if (location.pathname === `/runs/${id}`) setTimeout(() => window.hindcast.go("/"), 400);
        },
      });
    },
  };
  for (const name of ["verify", "star", "unstar"]) acts[name] = () => set("result-action", { name, at: Date.now() });

  // Drawers: a number's passport opens by a click on the number.
  const closeDrawers = () => {
    set("result-passport", null);
    document.querySelectorAll("[data-passport][aria-expanded=true]").forEach((mark) => mark.removeAttribute("aria-expanded"));
  };
  const openPassport = (mark) => {
    closeDrawers();
    mark.setAttribute("aria-expanded", "true");
    set("result-passport", mark.dataset.passport);
  };
  acts["close-drawer"] = (button) => {
    if (button.closest(".explain")) set("result-trade", null);
    else closeDrawers();
  };

  // The story of the selected trade, once the hand that walks trades rests.
  let resting = 0;
  let explained = null;
  const explain = () => {
    clearTimeout(resting);
    const trade = state.tab === "chart" ? state.trade : explained;
    if (!document.getElementById("result-explain")) {
      explained = null;
      return;
    }
    if (trade === explained) return;
    resting = setTimeout(() => {
      explained = trade;
      set("result-explained", trade);
    }, explained === null ? 0 : 150);
  };

  // The analysis: ask a few times at first, then every few seconds, until a worker is done.
  let asking = 0;
  const askAnalysis = (page, pause) => {
    clearTimeout(asking);
    asking = setTimeout(async () => {
      if (!page.isConnected) return;
      let status = null;
      if (!document.hidden) {
        try {
          const response = await fetch(`/series/runs/${page.dataset.runId}/analysis`);
          if (response.ok) ({ status } = await response.json());
        } catch {
          status = null;
        }
      }
      if (status === "done" || status === "failed") set("result-analysed", Date.now());
      else askAnalysis(page, Math.min(pause * 1.5, 5000));
    }, pause);
  };

  const foldMenus = (event) => {
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      const unfolding = event.target.closest && event.target.closest("summary");
      if (!unfolding || !menu.contains(unfolding)) menu.open = false;
    });
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest) return;
    foldMenus(event);
    const button = event.target.closest("[data-action]");
    if (button && acts[button.dataset.action]) {
      event.preventDefault();
      acts[button.dataset.action](button);
      return;
    }
    const page = root();
    if (!page || !page.contains(event.target)) return;
    const number = event.target.closest("[data-passport]");
    if (number && !String(getSelection())) openPassport(number);
    const tab = event.target.closest("[data-tab-button]");
    if (tab) set("result-tab", tab.dataset.tabButton);
    const row = event.target.closest("tr[data-from]");
    if (row) select(row.dataset.from, row.dataset.to || null);
    const span = event.target.closest("[data-span]");
    if (span) window.hindcastChart.span(span.dataset.span);
  });
  document.addEventListener("keydown", (event) => {
    const page = root();
    if (event.key === "Escape") {
      foldMenus(event);
      if (page) closeDrawers();
    }
    if (!page || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio]), textarea, select")) return;
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("tr[data-from], [data-passport]")) {
      event.preventDefault();
      event.target.click();
    } else if (event.target.matches("[data-tab-button]") && /^Arrow(Left|Right)$/.test(event.key)) {
      const tabs = [...page.querySelectorAll("[data-tab-button]")];
      const step = event.key === "ArrowRight" ? 1 : tabs.length - 1;
      const next = tabs[(tabs.indexOf(event.target) + step) % tabs.length];
      next.focus();
      next.click();
    } else if ((event.key === "[" || event.key === "]") && state.tab === "chart") {
      window.hindcastChart.walk(event.key === "[" ? -1 : 1);
    }
  });

  // A control that was just built reports its first value, which nobody chose.
  const chosen = () => clientside.callback_context.triggered.length > 0;
  const skip = () => clientside.no_update;
  clientside.hindcastResult = {
    view,
    scale: (value) => (chosen() && value && value !== state.scale ? value : skip()),
    symbol: (value) => {
      if (!chosen() || !value || value === state.symbol) return skip();
      const chart = window.hindcastChart;
      if (!chart.symbol() || chart.symbol() === value) return skip();
      // Another symbol's trade would jump back to it.
      if (chart.symbolOf(state.trade) !== value) set("result-trade", null);
      return value;
    },
    chart: (id, rows, symbol, trade) => {
      window.hindcastChart.start(rows || [], symbol, trade);
      explained = null;
      explain();
      return String((rows || []).length);
    },
    levels: (text) => {
      window.hindcastChart.levels(text ? JSON.parse(text) : null);
    },
    watchAnalysis: (status) => {
      if (status === "queued" || status === "running") askAnalysis(root(), 700);
      return status;
    },
    tradeFilter: (kind) => {
      window.hindcastChart.filter(kind);
    },
    pickTrade: (rows) => {
      if (Array.isArray(rows) && rows.length && rows[0].number !== state.trade) {
        set("result-trade", rows[0].number);
      }
    },
    pickOrder: (rows, fills) => {
      const order = Array.isArray(rows) && rows.length ? rows[0] : null;
      if (!order) return;
      const own = fills.filter((fill) => fill.order_id === order.order_id);
      clientside.set_props("result-fills-grid", { rowData: own });
      const noun = own.length === 1 ? "fill" : "fills";
      clientside.set_props("result-fills-count", { children: `${own.length} ${noun} of order ${order.order_id}` });
    },
    openTrade: (rows) => {
      if (!Array.isArray(rows) || !rows.length) return;
      set("result-symbol", rows[0].symbol);
      set("result-trade", rows[0].number);
      set("result-tab", "chart");
    },
  };
  window.hindcastText = text;
  window.hindcastDay = isoDay;
})();
