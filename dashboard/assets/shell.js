// The frame's behaviour: routing, theme, keys, dialogs, notes, and the foot of the navigation.
(function () {
  const hindcast = (window.hindcast = window.hindcast || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const byId = (id) => document.getElementById(id);
  let step = 0;
  let keepScroll = false;

  // What is typed counts at once, but it is asked about only when the person pauses.
  hindcast.PAUSE_MS = 300;
  hindcast.isTyping = () => {
    const at = document.activeElement;
    return at.matches("textarea, input:not([readonly], [type=radio], [type=checkbox], [type=range])");
  };

  // Routing: the path is the page, the query its view. No dcc.Location: it would write stale
  // queries back after history.replaceState.
  const here = () => ({ path: location.pathname, search: location.search, step: (step += 1) });

  hindcast.reload = () => {
    byId("page").classList.add("leaving");
    clientside.set_props("route", { data: here() });
  };
  hindcast.go = (href) => {
    const target = new URL(href, location.href);
    if (target.href !== location.href) history.pushState({}, "", target);
    keepScroll = false;
    hindcast.reload();
  };
  hindcast.replaceQuery = (query) => {
    const target = location.pathname + (query || "");
    if (target !== location.pathname + location.search) history.replaceState({}, "", target);
  };
  window.addEventListener("popstate", () => {
    keepScroll = true;
    hindcast.reload();
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest && event.target.closest("a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.getAttribute("href").startsWith("#") || link.pathname.startsWith("/export/")) return;
    event.preventDefault();
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    document.body.classList.remove("menu-open");
    hindcast.go(link.dataset.retry ? location.href : link.href);
  });

  // plotly.js is fetched and evaluated while the server makes the page, not after it: a chart that
  // comes earlier waits for `window.Plotly`, as it would for its own script.
  const bringPlotly = () => {
    if (window.Plotly) return;
    const script = document.createElement("script");
    script.src = window._dashPlotlyJSURL;
    window.Plotly = new Promise((resolve, reject) => {
      script.onload = () => resolve();
      script.onerror = () => {
        window.Plotly = undefined;
        reject(new Error("plotly.js did not load"));
      };
    });
    document.body.append(script);
  };

  clientside.hindcast = Object.assign(clientside.hindcast || {}, {
    currentRoute: () => {
      bringPlotly();
      return here();
    },
    shown: (title) => {
      if (!title) return;
      document.title = title.text;
      byId("page").classList.remove("leaving");
      if (!keepScroll) window.scrollTo(0, 0);
      document.querySelectorAll(".nav-link").forEach((link) => {
        const current = link.getAttribute("href") === location.pathname ||
          (link.getAttribute("href") === "/" && location.pathname.startsWith("/runs/")) ||
          (link.getAttribute("href") === "/sweeps" && /^\/(sweeps|walkforwards)\//.test(location.pathname));
        if (current) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      });
    },
    replaceQuery: (query) => {
      if (query !== undefined && query !== null) hindcast.replaceQuery(query);
    },
    note: (note) => {
      if (note && note.text) hindcast.note(note);
    },
    // See dashboard/components/spread.py.
    spread: (words) => clientside.callback_context.outputs_list.map((outputs) => outputs.map(({ id: { type, ...place } }) => {
      if (!words) return clientside.no_update;
      const [name] = Object.values(place);
      return name in words[type] ? words[type][name] : "";
    })),
  });

  // Theme: CSS follows the attribute, Mantine its provider; drawn charts are re-coloured by the
  // table of tokens, so that no view is built anew and no draft is lost.
  const ORDER = ["dark", "light"];
  const numbers = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",");
  hindcast.recolour = (value, from, to) => {
    const map = new Map();
    Object.values(hindcastTheme.tokens).forEach((pair) => {
      map.set(pair[from].toLowerCase(), pair[to]);
      map.set(`rgba(${numbers(pair[from])},`, `rgba(${numbers(pair[to])},`);
    });
    const one = (text) => map.get(text.toLowerCase()) ||
      text.replace(/#[0-9a-f]{6}\b|rgba\(\d+,\d+,\d+,/gi, (part) => map.get(part.toLowerCase()) || part);
    const walk = (item) => {
      if (typeof item === "string") return one(item);
      if (ArrayBuffer.isView(item)) return item;
      if (Array.isArray(item)) return typeof item[0] === "number" ? item : item.map(walk);
      if (item && typeof item === "object" && Object.getPrototypeOf(item) === Object.prototype) {
        return Object.fromEntries(Object.entries(item).map(([key, inner]) => [key, walk(inner)]));
      }
      return item;
    };
    return walk(value);
  };
  // A figure made for one theme, as the theme of now has it.
  hindcast.inTheme = (figure, made) => (made === hindcastTheme.current ? figure
    : hindcast.recolour(figure, ORDER.indexOf(made), ORDER.indexOf(hindcastTheme.current)));
  hindcast.setTheme = (theme) => {
    const [from, to] = [ORDER.indexOf(hindcastTheme.current), ORDER.indexOf(theme)];
    if (from === to) return;
    hindcastTheme.current = theme;
    hindcastTheme.keep(theme);
    document.documentElement.dataset.mantineColorScheme = theme;
    clientside.set_props("provider", { forceColorScheme: theme });
    document.querySelectorAll(".graph[id] .js-plotly-plot").forEach((plot) => {
      const figure = { data: hindcast.recolour(plot.data, from, to), layout: hindcast.recolour(plot.layout, from, to) };
      const id = plot.closest(".graph").id;
      clientside.set_props(id.startsWith("{") ? JSON.parse(id) : id, { figure });
    });
    window.dispatchEvent(new CustomEvent("hindcast:theme", { detail: theme }));
  };

  // Notes: what happened, at the bottom; an undoable one does its work when it is over.
  hindcast.note = ({ text, kind, reference, undo, done, seconds }) => {
    const box = document.createElement("div");
    box.className = `toast toast-${kind || "info"}`;
    const words = document.createElement("span");
    words.textContent = text;
    box.append(words);
    if (reference) {
      const code = document.createElement("code");
      code.textContent = reference;
      box.append(code);
    }
    const close = () => {
      clearTimeout(timer);
      box.remove();
    };
    const timer = setTimeout(() => {
      close();
      if (done) done();
    }, (seconds || (kind === "error" ? 10 : 5)) * 1000);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-quiet button-small";
    button.textContent = undo ? "Undo" : "Close";
    button.addEventListener("click", () => {
      close();
      if (undo) undo();
    });
    box.append(button);
    byId("toasts").append(box);
  };

  // The foot says who answered the last callback; a stale answer is announced in the header.
  const ask = window.fetch;
  window.fetch = async (...request) => {
    const response = await ask(...request);
    const headers = response.headers;
    const foot = byId("node");
    if (foot && headers.get("X-Answered-By")) {
      const ms = Math.max(1, Math.round(Number(headers.get("X-Elapsed-Ms"))));
      foot.textContent = `${headers.get("X-Node")}\n${headers.get("X-Answered-By")}\u202f· ${ms}\u202fms`;
      const since = headers.get("X-Stale-Since");
      const badge = byId("stale");
      badge.hidden = !since;
      if (since) {
        const clock = new Date(Number(since)).toISOString().slice(11, 16);
        badge.textContent = `from cache, ${clock} UTC`;
        badge.title = "The data API does not answer; this is what it said then.";
      }
      document.querySelector(".node-dot").classList.toggle("node-stale", Boolean(since));
    }
    return response;
  };

  // Dialogs and keys.
  const open = (id) => {
    const dialog = byId(id);
    if (dialog && !dialog.open) dialog.showModal();
  };
  const acts = {
    palette: () => hindcast.openPalette(),
    help: () => open("help"),
    theme: () => hindcast.setTheme(hindcastTheme.current === "dark" ? "light" : "dark"),
    menu: () => document.body.classList.toggle("menu-open"),
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest) return;
    const tool = event.target.closest("[data-act]");
    if (tool && acts[tool.dataset.act]) acts[tool.dataset.act]();
    // A click on the backdrop closes.
    if (event.target.tagName === "DIALOG") event.target.close();
  });
  const typing = (target) => target.closest("input, textarea, select, [contenteditable=true]");
  // A control tells its value some turns of the event loop after the key; Run must not overtake it.
  const SETTLED_MS = 50;
  const settled = (act) => {
    const soon = () => setTimeout(act, SETTLED_MS);
    if (window.requestIdleCallback) window.requestIdleCallback(soon, { timeout: 10 * SETTLED_MS });
    else soon();
  };
  let after = "";
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      acts.palette();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      const run = document.querySelector("[data-run]");
      if (run) settled(() => run.click());
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const key = after + event.key;
    after = "";
    if (event.key === "g" && key === "g") {
      after = "g ";
      setTimeout(() => (after = ""), 1000);
    } else if (key === "g r") hindcast.go("/");
    else if (key === "g n" || key === "n") hindcast.go("/new");
    else if (key === "g s") hindcast.go("/sweeps");
    else if (key === "?") acts.help();
    else if (key === "t") acts.theme();
    else if (key === "/") {
      const field = document.querySelector("[data-search] input, input[data-search]");
      if (!field) return;
      event.preventDefault();
      field.focus();
    }
  });
})();
