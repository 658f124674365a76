// The runs page: what AG Grid's cells look like, selection, deletion with undo.
(function () {
  const h = (...parts) => React.createElement(...parts);
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

  functions.hindcastKeepOrder = () => 0;
  functions.hindcastSort = (params) => {
    if (params.source !== "uiColumnSorted") return;
    const column = params.api.getColumnState().find((state) => state.sort);
    set("runs-sort", { data: column ? (column.sort === "desc" ? "-" : "") + column.colId : "-created" });
  };
  functions.hindcastOpen = (params) => {
    const target = params.event && params.event.target;
    const onControl = target && target.closest("a, button, input, .ag-selection-checkbox");
    const selecting = String(getSelection()).length > 0;
    if (!onControl && !selecting && params.column.getColId() !== "ag-Grid-SelectionColumn") {
      window.hindcast.go(params.data.url);
    }
  };

  // Equity on a log scale in a box of 104 × 28; the dotted line is the starting cash.
  const sparkline = (values, width, height) => {
    const known = values.filter((value) => value > 0).map(Math.log);
    if (known.length < 2) return null;
    const low = Math.min(...known);
    const span = Math.max(...known) - low || 1;
    const y = (value) => (height - 2 - ((value - low) / span) * (height - 4)).toFixed(1);
    const points = known.map((value, i) => `${((i / (known.length - 1)) * width).toFixed(1)},${y(value)}`);
    return h("svg", { width, height, viewBox: `0 0 ${width} ${height}`, className: "sparkline", "aria-hidden": true },
      h("line", { x1: 0, x2: width, y1: y(known[0]), y2: y(known[0]), className: "sparkline-cash" }),
      h("polyline", { points: points.join(" "), className: "sparkline-equity" }));
  };
  const badge = (check) => check.level === "pass"
    ? h("span", { className: "run-checked", title: check.title }, h("span", { className: "icon icon-check" }), check.text)
    : h("span", { className: `badge badge-${check.level}`, title: check.title }, check.text);

  const star = (props) => {
    const { data, node } = props;
    return h("button", {
      type: "button",
      className: `star ${data.starred ? "star-on" : ""}`,
      "aria-pressed": data.starred,
      "aria-label": data.starred ? "Remove the star" : "Star",
      title: data.starred ? "Remove the star" : "Star",
      onClick: (event) => {
        event.stopPropagation();
        const starred = !data.starred;
        node.setData({ ...data, starred });
        set("runs-star", { data: { id: data.id, starred } });
      },
    }, h("span", { className: `icon icon-${data.starred ? "starred" : "star"}` }));
  };

  cells.RunName = (props) => h("div", { className: "run-name" },
    h("div", { className: "run-title" },
      h("a", { href: props.data.url, title: props.data.name }, props.data.name), star(props),
      ...props.data.tags.map((tag) => h("span", { key: tag, className: "badge badge-neutral run-tag" }, tag))),
    h("div", { className: "run-detail", title: props.data.detail }, props.data.detail));
  cells.RunEquity = (props) => sparkline(props.value, 104, 28);
  cells.RunStruck = (props) => h("span", { className: props.data.failed ? "struck" : "" }, props.value);
  cells.RunBar = (props) => h("div", { className: "run-bar" },
    h("span", { className: props.struck && props.data.failed ? "struck" : "" }, props.value),
    h("span", { className: "bar" }, h("span", {
      className: `bar-fill bar-${props.tone}`, style: { width: `${100 * props.data[props.share]}%` },
    })));
  cells.RunSymbols = (props) => h("span", { className: "badge badge-neutral", title: props.data.symbols_title }, props.value);
  cells.RunCheck = (props) => badge(props.value);
  cells.RunCard = (props) => {
    const run = props.data;
    const number = (label, text, struck) => h("span", { key: label }, `${label} `, h("b", { className: struck ? "struck" : "" }, text));
    return h("a", { href: run.url, className: "run-card" },
      h("div", { className: "run-card-head" },
        h("div", { className: "run-name" },
          h("div", { className: "run-title" }, h("span", null, run.name), run.starred ? h("span", { className: "icon icon-starred star-on" }) : null),
          h("div", { className: "run-detail" }, `${run.symbols}, ${run.age === "now" ? "now" : `${run.age} ago`}`)),
        sparkline(run.sparkline, 84, 28)),
      h("div", { className: "run-card-foot" },
        number("CAGR", run.cagr, run.failed), number("Sharpe", run.sharpe, run.failed), number("DD", run.drawdown_short),
        h("span", { className: "grow" }),
        run.check.level === "pass" ? h("span", { className: "icon icon-check check-pass", title: run.check.title }) : badge(run.check)));
  };

  const skip = () => window.dash_clientside.no_update;
  let selected = "";
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.hindcast = Object.assign(window.dash_clientside.hindcast || {}, {
    selectedRuns: (rows, figure) => {
      const chosen = (rows || []).map((row) => row.id);
      const key = chosen.join(",");
      const points = figure.data[0].customdata.map((id, i) => (chosen.includes(id) ? i : -1)).filter((i) => i >= 0);
      const trace = { ...figure.data[0], selectedpoints: chosen.length ? points : null };
      const drawn = key === selected ? skip() : { ...figure, data: [trace] };
      selected = key;
      return [chosen.length === 0, `${chosen.length} selected`, `/export/runs.csv?ids=${key}`,
        `/compare?ids=${key}`, chosen.length < 2 || chosen.length > 20, drawn];
    },
    deleteRuns: (clicks, rows) => {
      if (!clicks || !rows || !rows.length) return;
      const runs = rows.map((row) => row.id);
      set("runs-deleted", { data: runs });
      set("runs-grid", { selectedRows: [] });
      window.hindcast.note({
        text: runs.length === 1 ? `Deleted “${rows[0].name}”.` : `Deleted ${runs.length} runs.`,
        seconds: 6,
        undo: () => document.getElementById("runs-grid") && set("runs-deleted", { data: [] }),
        done: () => set("runs-delete-now", { data: runs }),
      });
    },
    pickRun: (click) => {
      if (!click) return;
      const node = window.dash_ag_grid.getApi("runs-grid").getRowNode(click.points[0].customdata);
      if (node) node.setSelected(!node.isSelected());
    },
    clearFilters: (clicks) => (clicks ? ["", null, null, null, "", "", "", false] : Array(8).fill(skip())),
  });
})();
