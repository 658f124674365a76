// The form of a sweep: which controls a parameter has, the address, and the way to what was started.
(function () {
  const d = (window.dash_clientside = window.dash_clientside || {});
  let pause = 0;
  d.hindcastSweepForm = {
    method: (method, words) => [method !== "walk_forward", method === "walk_forward", method !== "cpcv", JSON.parse(words)[method]],
    // The controls say at once what is started; only the asking for an estimate waits.
    changed: () => {
      clearTimeout(pause);
      const ask = () => document.querySelector(".sweep-form") && d.set_props("form-changed", { data: Date.now() });
      pause = setTimeout(ask, window.hindcast.isTyping() ? window.hindcast.PAUSE_MS : 0);
    },
    kind: (kind) => {
      const isRange = kind === "range" || kind === "log";
      return [kind !== "fixed", !isRange, kind !== "list", kind === "log" ? "count" : "step"];
    },
    query: (query) => {
      if (query !== undefined && query !== null && document.querySelector(".sweep-form")) window.hindcast.replaceQuery(query);
    },
    go: (target) => {
      if (target) window.hindcast.go(target.href);
    },
  };
})();
