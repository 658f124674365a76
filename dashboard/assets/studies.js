// Sweeps and walk-forwards are deleted from the list and from their pages: gone from the list at
// once, and for good when nobody takes it back.
(function () {
  const d = (window.dash_clientside = window.dash_clientside || {});
  const waiting = new Set();
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-study]");
    if (!button) return;
    const { study, name } = button.dataset;
    const [kind, id] = study.split("/");
    const row = button.closest("tr");
    const mark = (isGone) => {
      if (isGone) waiting.add(id);
      else waiting.delete(id);
      button.disabled = isGone;
      if (row) row.hidden = isGone;
    };
    mark(true);
    window.hindcast.note({
      text: row ? `Deleted \u201c${name}\u201d.` : `\u201c${name}\u201d is being deleted.`,
      seconds: 6,
      undo: () => mark(false),
      done: () => {
        waiting.delete(id);
        d.set_props("studies-delete-now", { data: { kind, id } });
      },
    });
  });

  d.hindcastStudies = {
    deleted: (study) => {
      if (!study) return;
      if (location.pathname === `/${study.kind}/${study.id}`) window.hindcast.go("/sweeps");
      else if (location.pathname === "/sweeps" && !waiting.size) window.hindcast.reload();
    },
  };
})();
