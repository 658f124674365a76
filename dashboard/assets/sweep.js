// A sweep's page: the map that fills in, the words about the cell under the pointer, clicks that
// open runs, and the view in the address.
(function () {
  const d = (window.dash_clientside = window.dash_clientside || {});
  const set = (id, data) => d.set_props(id, { data });
  const skip = () => d.no_update;
  const page = () => document.getElementById("sweep");
  const grids = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

  const MINUS = "\u2212";
  const THIN = "\u202f";
  const signed = (text, value, plus) => (/[1-9]/.test(text) ? (value < 0 ? MINUS : plus ? "+" : "") : "") + text;
  const percent = (v, plus) => `${signed(Math.abs(100 * v).toFixed(1), v, plus)}${THIN}%`;
  const texts = {
    ratio: (v) => signed(Math.abs(v).toFixed(2), v),
    percent: (v) => percent(v),
    signed: (v) => percent(v, true),
    money: (v) => signed("$" + Math.abs(v).toLocaleString("en-US", { maximumFractionDigits: 0 }), v),
    count: (v) => v.toLocaleString("en-US"),
    plain: (v) => (typeof v === "number" ? String(Number(v.toPrecision(6))).replace("-", MINUS) : String(v)),
  };
  const printed = (kind, value) => {
    if (value === null || value === undefined) return "\u2013";
    return typeof value === "string" ? value : texts[kind](value);
  };
  grids.sweepText = printed;
  window.hindcast = window.hindcast || {};
  window.hindcast.numberText = printed;

  // While it runs: the cells come as one typed array, and are the only thing that is drawn again.
  const rows = ({ bdata, shape }) => {
    const bytes = Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const [n, width] = shape.split(",").map(Number);
    return Array.from({ length: n }, (_, i) => values.subarray(i * width, (i + 1) * width));
  };
  window.hindcast.fillMap = (cells) => {
    const plot = document.querySelector("[data-live-map] .js-plotly-plot");
    if (!plot || !plot.data) return;
    window.Plotly.restyle(plot, {
      z: [rows(cells)], zmin: cells.low, zmax: cells.high,
      "colorbar.tickvals": [cells.ticks], "colorbar.ticktext": [cells.texts],
    }, [0]);
  };

  // Under the pointer: asked for once a cell, and only where the pointer rests.
  let known = new Map();
  let knownFor = "";
  let rest = 0;
  const words = async (id, x, y) => {
    const view = location.search;
    if (knownFor !== id + view) {
      known = new Map();
      knownFor = id + view;
    }
    const key = `${x},${y}`;
    if (!known.has(key)) {
      const response = await fetch(`/series/sweeps/${id}/cell?x=${x}&y=${y}&view=${encodeURIComponent(view)}`);
      if (!response.ok) return;
      known.set(key, (await response.json()).text);
    }
    const line = document.getElementById("sweep-note");
    if (line && known.get(key)) line.textContent = known.get(key);
  };

  const report = (wanted) => {
    document.body.classList.add("is-opening");
    setTimeout(() => document.body.classList.remove("is-opening"), 4000);
    window.hindcast.note({ text: "Opening its run.", seconds: 2 });
    set("sweep-open", { ...wanted, at: Date.now() });
  };
  // Choosing text in a row, or a control that was just built, is no click.
  const chosen = () => d.callback_context.triggered.length > 0;

  // The map is the first trace; marks and the region lie over it.
  const cellOf = (event) => event && event.points.find(({ curveNumber }) => curveNumber === 0);

  d.hindcastSweep = {
    axes: (x, y, drawn) => {
      if (x !== y) {
        return x === drawn.x && y === drawn.y ? [skip(), skip(), skip()] : [skip(), skip(), { x, y }];
      }
      // The same axis twice: the other one takes the place that became free.
      const next = x === drawn.x ? { x: drawn.y, y: drawn.x } : { x: drawn.y, y: drawn.x };
      return [next.x, next.y, next];
    },
    query: (query) => {
      if (page() && query !== undefined && query !== null) window.hindcast.replaceQuery(query);
    },
    go: (target) => {
      if (target) window.hindcast.go(target.href);
    },
    pickCell: (click) => {
      const point = cellOf(click);
      if (point) report({ x: point.x, y: point.y });
    },
    pickPoint: (click) => {
      const point = click && click.points.find(({ customdata }) => customdata !== undefined);
      if (point) report({ index: point.customdata });
    },
    pickRow: (picked) => {
      if (chosen() && picked && picked.length && !String(getSelection())) report({ index: picked[0].index });
    },
    pickNamed: (clicks) => {
      const { triggered_id: from } = d.callback_context;
      if (from && from.name && clicks.some(Boolean)) report({ name: from.name });
    },
    clearBrush: (clicks) => {
      if (clicks) window.hindcast.clearBrush();
    },
    hover: (hover, id) => {
      const point = cellOf(hover);
      clearTimeout(rest);
      if (point) rest = setTimeout(() => words(id, point.x, point.y), 40);
    },
    lines: (id, brush) => {
      window.hindcast.drawLines(document.getElementById("sweep-lines"), brush || {});
      return "1";
    },
  };
})();
