// The form of a sweep: which controls a parameter has, the address, and the way to what was started.
(function () {
  const d = (window.dash_clientside = window.dash_clientside || {});
  d.hindcastSweepForm = {
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
