// Parallel coordinates on a canvas: thousands of thin lines, brushed by dragging along an axis.
// Plotly's need WebGL, which not every machine has.
(function () {
  const hindcast = (window.hindcast = window.hindcast || {});
  const d = (window.dash_clientside = window.dash_clientside || {});
  const EDGE = { top: 46, bottom: 26, side: 38 };
  // Viridis from dark to light, as the map has it.
  const SCALE = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const state = { box: null, data: null, brush: {}, drag: null };

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const colour = (share) => SCALE[Math.max(0, Math.min(SCALE.length - 1, Math.floor(share * SCALE.length)))];
  const place = (i) => EDGE.side + (i * (state.box.clientWidth - 2 * EDGE.side)) / Math.max(state.data.dimensions.length - 1, 1);
  const span = () => state.box.clientHeight - EDGE.top - EDGE.bottom;
  const share = (dimension, value) => (value - dimension.low) / (dimension.high - dimension.low);
  const level = (dimension, value) => EDGE.top + (1 - share(dimension, value)) * span();
  const valueAt = (dimension, y) => {
    const at = Math.min(Math.max(1 - (y - EDGE.top) / span(), 0), 1);
    return dimension.low + at * (dimension.high - dimension.low);
  };

  const isInside = (row) => state.data.dimensions.every(({ name }, i) => {
    const ends = state.brush[name];
    if (!ends) return true;
    const value = state.data.columns[i][row];
    return value !== null && (ends[0] === null || value >= ends[0]) && (ends[1] === null || value <= ends[1]);
  });
  const trace = (context, xs, row) => {
    const { dimensions, columns } = state.data;
    let isOpen = false;
    context.beginPath();
    dimensions.forEach((dimension, i) => {
      const value = columns[i][row];
      if (value === null) {
        isOpen = false;
        return;
      }
      const y = level(dimension, value);
      if (isOpen) context.lineTo(xs[i], y);
      else context.moveTo(xs[i], y);
      isOpen = true;
    });
    context.stroke();
  };
  const paint = () => {
    const { box, data } = state;
    const canvas = box.querySelector("canvas");
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.clientWidth * density);
    canvas.height = Math.round(box.clientHeight * density);
    const context = canvas.getContext("2d");
    context.scale(density, density);
    const xs = data.dimensions.map((_, i) => place(i));
    const n = data.columns[0].length;
    const isBrushed = Object.keys(state.brush).length > 0;
    const inside = Array.from({ length: n }, (_, row) => isInside(row));
    const objective = data.dimensions[data.objective];
    context.lineWidth = 0.5;
    context.strokeStyle = token("ink3");
    context.globalAlpha = n > 500 ? 0.16 : 0.35;
    if (isBrushed) inside.forEach((is, row) => is || trace(context, xs, row));
    context.lineWidth = isBrushed ? 1 : 0.7;
    context.globalAlpha = isBrushed ? 0.9 : n > 500 ? 0.45 : 0.8;
    inside.forEach((is, row) => {
      if (!is) return;
      const value = data.columns[data.objective][row];
      const at = value === null ? 0 : share(objective, value);
      context.strokeStyle = colour(data.reversed ? 1 - at : at);
      trace(context, xs, row);
    });
  };

  const element = (name, text, style) => {
    const part = document.createElement("div");
    part.className = name;
    if (text) part.textContent = text;
    Object.assign(part.style, style);
    return part;
  };
  const paintAxes = () => {
    const { box, data } = state;
    const parts = data.dimensions.map((dimension, i) => {
      const axis = element("parallel-axis", "", { left: `${place(i)}px` });
      axis.dataset.dimension = i;
      axis.append(
        element("parallel-name", dimension.label, {}),
        element("parallel-high", dimension.ends[1], {}),
        element("parallel-low", dimension.ends[0], {}),
        element("parallel-line", "", { top: `${EDGE.top}px`, height: `${span()}px` }),
      );
      const ends = state.brush[dimension.name];
      if (ends) {
        const top = level(dimension, ends[1] === null ? dimension.high : Math.min(ends[1], dimension.high));
        const bottom = level(dimension, ends[0] === null ? dimension.low : Math.max(ends[0], dimension.low));
        axis.append(element("parallel-brush", "", { top: `${top}px`, height: `${Math.max(bottom - top, 3)}px` }));
      }
      return axis;
    });
    box.querySelector(".parallel-axes").replaceChildren(...parts);
  };
  const draw = () => {
    if (!state.box || !state.box.isConnected || !state.data) return;
    paint();
    paintAxes();
  };
  const report = () => d.set_props("sweep-brushed", { data: { ...state.brush } });

  hindcast.drawLines = async (box, brush) => {
    Object.assign(state, { box, data: null, brush: { ...brush } });
    const response = await fetch(box.dataset.url);
    if (!response.ok || state.box !== box) return;
    state.data = await response.json();
    draw();
  };
  hindcast.clearBrush = () => {
    if (!Object.keys(state.brush).length) return;
    state.brush = {};
    draw();
    report();
  };

  // A drag on an axis brushes it; a drag of nothing, or a double click, takes its brush away.
  const axisUnder = (event) => event.target.closest && event.target.closest(".parallel-axis");
  const heightOf = (event) => event.clientY - state.box.getBoundingClientRect().top;
  document.addEventListener("pointerdown", (event) => {
    const axis = axisUnder(event);
    if (!axis || event.button || !state.data) return;
    const dimension = state.data.dimensions[Number(axis.dataset.dimension)];
    state.drag = { dimension, from: heightOf(event), moved: false };
    event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    if (!state.drag) return;
    const { dimension, from } = state.drag;
    const to = heightOf(event);
    if (Math.abs(to - from) < 3 && !state.drag.moved) return;
    state.drag.moved = true;
    const ends = [valueAt(dimension, from), valueAt(dimension, to)].sort((a, b) => a - b);
    // Between two positions of an axis there is nothing: half a step more takes the ends in.
    const reach = dimension.kind === "axis" ? ends.map((end, i) => (i ? Math.floor(end + 0.5) : Math.ceil(end - 0.5))) : ends.map((end) => Number(end.toPrecision(4)));
    const isLow = ends[0] <= dimension.low;
    const isHigh = ends[1] >= dimension.high;
    if (isLow && isHigh) delete state.brush[dimension.name];
    else state.brush[dimension.name] = [isLow ? null : reach[0], isHigh ? null : reach[1]];
    draw();
  });
  document.addEventListener("pointerup", () => {
    if (!state.drag) return;
    const { dimension, moved } = state.drag;
    state.drag = null;
    if (moved) report();
    else if (state.brush[dimension.name]) {
      delete state.brush[dimension.name];
      draw();
      report();
    }
  });
  let pause = 0;
  window.addEventListener("resize", () => {
    clearTimeout(pause);
    pause = setTimeout(draw, 60);
  });
  window.addEventListener("hindcast:theme", () => requestAnimationFrame(draw));
})();
