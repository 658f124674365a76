// Ctrl-K: type, arrows, Enter.
(function () {
  const byId = (id) => document.getElementById(id);
  let items = [];
  let chosen = 0;
  let asked = 0;

  const mark = (index) => {
    chosen = Math.max(0, Math.min(items.length - 1, index));
    [...byId("palette-list").children].forEach((row, i) => {
      row.setAttribute("aria-selected", String(i === chosen));
      if (i === chosen) row.scrollIntoView({ block: "nearest" });
    });
  };
  const span = (name, text) => {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    return part;
  };
  const show = () => {
    const rows = items.map((item) => {
      const row = document.createElement("li");
      row.setAttribute("role", "option");
      const link = document.createElement("a");
      link.href = item.href;
      link.tabIndex = -1;
      link.append(span("palette-kind", item.kind), span("palette-text", item.text), span("palette-hint", item.hint));
      row.append(link);
      return row;
    });
    if (!rows.length) {
      const none = document.createElement("li");
      none.className = "palette-none";
      none.textContent = "Nothing found.";
      rows.push(none);
    }
    byId("palette-list").replaceChildren(...rows);
    mark(0);
  };
  const find = async () => {
    const ticket = (asked += 1);
    const response = await fetch(`/palette.json?q=${encodeURIComponent(byId("palette-text").value)}`);
    if (ticket !== asked || !response.ok) return;
    items = (await response.json()).items;
    show();
  };

  window.hindcast = window.hindcast || {};
  window.hindcast.openPalette = () => {
    const dialog = byId("palette");
    if (dialog.open) return;
    dialog.showModal();
    const field = byId("palette-text");
    field.placeholder = "Runs, symbols, strategies";
    field.focus();
    field.select();
    find();
  };
  let pause = 0;
  document.addEventListener("input", (event) => {
    if (event.target.id !== "palette-text") return;
    clearTimeout(pause);
    pause = setTimeout(find, 80);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "palette-text") return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && items[chosen]) {
      byId("palette").close();
      window.hindcast.go(items[chosen].href);
    }
  });
})();
