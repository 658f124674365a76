// The price chart: candles, volume, indicators and trades on lightweight-charts (vendored).
// One chart at a time. Zooming asks the dashboard for finer bars: a quantised window, debounced,
// so that addresses repeat and caches answer.
(function () {
  const DAY = 86400000;
  const MANY_BARS = 400; // Above this trades are ticks: markers would bury the candles.
  const FIRST_BARS = 200;
  const FETCH_AFTER_MS = 120;
  const UNITS = { s: 1000, min: 60000, h: 3600000, d: DAY, w: 7 * DAY, mo: 30 * DAY };
  const SPANS = { "3m": 91 * DAY, "1y": 365 * DAY, "5y": 1826 * DAY };
  const INDICATOR_TOKENS = ["c3", "c1", "c2", "c4"];

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const faded = (hex, alpha) => {
    const part = (i) => parseInt(hex.slice(i, i + 2), 16);
    return `rgba(${part(1)},${part(3)},${part(5)},${alpha})`;
  };
  const price = (value) => (value === null || value === undefined ? "–"
    : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: value < 10 ? 4 : 2 }));
  const volume = (value) => {
    const [scale, unit] = value >= 1e9 ? [1e9, "B"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
    return (value / scale).toFixed(scale > 1 ? 1 : 0) + unit;
  };
  const stamp = (ms, isDaily) => {
    const iso = new Date(ms).toISOString();
    return isDaily ? iso.slice(0, 10) : iso.slice(0, 16).replace("T", " ");
  };

  let library = null;
  const load = (url) => {
    library = library || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve(window.LightweightCharts);
      script.onerror = () => reject(new Error("The chart library did not load."));
      document.head.append(script);
    });
    return library;
  };

  // Trades as a layer on the candles: it is told what to draw and asks the chart where.
  class TradeLayer {
    constructor(owner) {
      this.owner = owner;
      const draw = (target) => target.useMediaCoordinateSpace((space) => this.draw(space));
      const renderer = { draw };
      this.views = [{ zOrder: () => "top", renderer: () => renderer }];
    }
    attached({ requestUpdate }) { this.requestUpdate = requestUpdate; }
    updateAllViews() {}
    paneViews() { return this.views; }

    segments() {
      const { owner } = this;
      return owner.drawn().map((trade) => ({
        trade,
        x1: owner.x(trade.entry_time),
        x2: owner.x(trade.exit_time === null ? owner.options.last : trade.exit_time),
        y1: owner.candles.priceToCoordinate(trade.entry_price),
        y2: owner.candles.priceToCoordinate(trade.exit_price),
      })).filter((part) => part.x1 !== null && part.x2 !== null && part.y1 !== null && part.y2 !== null);
    }

    draw({ context, mediaSize }) {
      const selected = this.owner.trade;
      const parts = this.segments().filter((part) => part.x2 >= -200 && part.x1 <= mediaSize.width + 200);
      const many = this.owner.visibleBars() > MANY_BARS;
      for (const part of parts) {
        if (part.trade.number === selected) continue;
        if (many) this.tick(context, part, mediaSize.height);
        else this.trade(context, part, false);
      }
      const chosen = parts.find((part) => part.trade.number === selected);
      if (chosen) this.trade(context, chosen, true);
    }

    colour(trade) { return token(trade.pnl > 0 ? "up" : "down"); }

    tick(context, { trade, x1 }, height) {
      context.fillStyle = this.colour(trade);
      context.fillRect(Math.round(x1), height - 8, 1.5, 8);
    }

    trade(context, { trade, x1, y1, x2, y2 }, isSelected) {
      const sign = trade.side === "short" ? -1 : 1;
      context.save();
      context.strokeStyle = isSelected ? token("accent") : this.colour(trade);
      context.lineWidth = isSelected ? 2 : 1;
      context.setLineDash(isSelected ? [] : [4, 3]);
      context.globalAlpha = isSelected ? 1 : 0.8;
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
      if (isSelected) this.levels(context, trade);
      const isStop = trade.exit_reason === "stop" || trade.exit_reason === "trail";
      this.marker(context, x1, y1, sign, isSelected ? token("ink") : token("up"),
        isSelected ? `${sign > 0 ? "buy" : "short"} ${trade.quantity.toLocaleString("en-US")}` : "");
      if (!trade.open) {
        this.marker(context, x2, y2, -sign, isSelected ? token("ink") : this.colour(trade),
          isSelected || isStop ? trade.exit_reason : "");
      }
      context.restore();
    }

    // Where stop and target of the selected trade stood at each bar of its life.
    levels(context, trade) {
      const { levels } = this.owner;
      if (!levels || levels.trade !== trade.number) return;
      context.lineWidth = 1.5;
      context.setLineDash([2, 3]);
      for (const [name, colour] of [["stop", "down"], ["target", "up"]]) {
        context.strokeStyle = token(colour);
        context.beginPath();
        let last = null;
        levels[name].forEach((price, i) => {
          const [x, y] = price === null ? [null, null] : [this.owner.x(levels.time[i]), this.owner.candles.priceToCoordinate(price)];
          if (x === null || y === null) {
            last = null;
            return;
          }
          if (last === null) context.moveTo(x, y);
          else {
            // A level holds until the bar at which it moved.
            context.lineTo(x, last);
            context.lineTo(x, y);
          }
          last = y;
        });
        context.stroke();
      }
      context.setLineDash([]);
    }

    // An arrow below the price when it points up (a purchase), above it when down.
    marker(context, x, y, direction, colour, words) {
      const tip = y + direction * 4;
      context.fillStyle = colour;
      context.beginPath();
      context.moveTo(x, tip);
      context.lineTo(x - 4.5, tip + direction * 6);
      context.lineTo(x + 4.5, tip + direction * 6);
      context.closePath();
      context.fill();
      if (!words) return;
      context.font = "500 11px Inter, sans-serif";
      context.textAlign = "center";
      context.textBaseline = direction > 0 ? "top" : "bottom";
      context.fillText(words, x, tip + direction * 9);
    }

    hit(x, y) {
      const many = this.owner.visibleBars() > MANY_BARS;
      let best = null;
      let least = 10;
      for (const { trade, x1, y1, x2, y2 } of this.segments()) {
        const length = (x2 - x1) ** 2 + (y2 - y1) ** 2 || 1;
        const share = Math.min(Math.max(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length, 0), 1);
        const along = Math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1));
        const away = many ? Math.abs(x - x1) : along;
        if (away < least) [best, least] = [trade, away];
      }
      return best;
    }
  }

  class PriceChart {
    constructor(element, charts) {
      this.element = element;
      this.options = JSON.parse(element.dataset.options);
      this.isDaily = /\d(d|w|mo)$/.test(this.options.timeframe);
      const [, count, unit] = this.options.timeframe.match(/^(\d+)([a-z]+)$/);
      this.step = Number(count) * UNITS[unit];
      this.charts = charts;
      this.rows = [];
      this.kind = "all";
      this.indicators = [];
      this.chart = charts.createChart(element.querySelector(".price-chart-canvas"), {
        autoSize: true,
        // The wheel scrolls the page; with Ctrl it zooms.
        handleScroll: { vertTouchDrag: false, mouseWheel: false },
        handleScale: { mouseWheel: false },
        timeScale: { timeVisible: !this.isDaily, secondsVisible: false, rightOffset: 2, minBarSpacing: 0.2 },
        localization: { locale: "en-US", timeFormatter: (s) => stamp(s * 1000, this.isDaily) },
        crosshair: { mode: charts.CrosshairMode.Normal },
      });
      this.candles = this.chart.addSeries(charts.CandlestickSeries, { lastValueVisible: false, priceLineVisible: false });
      this.volumes = this.chart.addSeries(charts.HistogramSeries,
        { lastValueVisible: false, priceLineVisible: false, priceFormat: { type: "volume" } }, 1);
      this.layer = new TradeLayer(this);
      this.candles.attachPrimitive(this.layer);
      this.colour();
      this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.later());
      this.chart.subscribeCrosshairMove((param) => this.describe(param));
      element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      this.chart.subscribeClick((param) => {
        const hit = param.point && this.layer.hit(param.point.x, param.point.y);
        if (hit) window.dash_clientside.set_props("result-trade", { data: hit.number });
      });
    }

    // Ctrl and the wheel (or two fingers on a pad) zoom about the pointer.
    wheel(event) {
      const scale = this.chart.timeScale();
      const range = scale.getVisibleLogicalRange();
      if (!(event.ctrlKey || event.metaKey) || !range) return;
      event.preventDefault();
      const left = this.element.getBoundingClientRect().left;
      const at = scale.coordinateToLogical(event.clientX - left);
      if (at === null) return;
      const factor = Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 300);
      scale.setVisibleLogicalRange({ from: at - (at - range.from) * factor, to: at + (range.to - at) * factor });
    }

    remove() {
      clearTimeout(this.timer);
      if (this.request) this.request.abort();
      this.chart.remove();
    }

    colour() {
      const lines = { color: token("hairline") };
      const label = token("hover");
      this.chart.applyOptions({
        layout: {
          background: { color: "transparent" }, textColor: token("ink3"), fontSize: 11,
          fontFamily: "Inter, sans-serif", panes: { separatorColor: token("hairline"), separatorHoverColor: token("hover") },
        },
        grid: { vertLines: lines, horzLines: lines },
        rightPriceScale: { borderVisible: false },
        timeScale: { borderVisible: false },
        crosshair: {
          vertLine: { color: token("ink3"), labelBackgroundColor: label, style: 2 },
          horzLine: { color: token("ink3"), labelBackgroundColor: label, style: 2 },
        },
      });
      this.candles.applyOptions({
        upColor: "rgba(0,0,0,0)", borderUpColor: token("up"), wickUpColor: token("up"),
        downColor: token("down"), borderDownColor: token("down"), wickDownColor: token("down"),
      });
      this.indicators.forEach(({ line, colour }) => line.applyOptions({ color: token(colour) }));
      if (this.bars) this.fillVolume();
    }

    // What is shown.
    shown() {
      const keep = { all: () => true, wins: (t) => t.pnl > 0, losses: (t) => t.pnl <= 0, ambiguous: (t) => t.ambiguous };
      return this.rows.filter((trade) => trade.symbol === this.symbol && keep[this.kind](trade));
    }
    drawn() {
      const shown = this.shown();
      const chosen = this.rows.find((trade) => trade.number === this.trade);
      return chosen && chosen.symbol === this.symbol && !shown.includes(chosen) ? [...shown, chosen] : shown;
    }
    x(ms) {
      const scale = this.chart.timeScale();
      const index = scale.timeToIndex(ms / 1000, true);
      return index === null ? null : scale.logicalToCoordinate(index);
    }
    visibleBars() {
      const range = this.chart.timeScale().getVisibleLogicalRange();
      return range ? range.to - range.from : 0;
    }

    // Bars come for a window of a power of two, on a grid of its quarters, wider than the view.
    window(from, to) {
      let length = this.step * 1024;
      while (length < 2 * (to - from)) length *= 2;
      const quarter = length / 4;
      const first = Math.floor(((from + to) / 2 - length / 2) / quarter) * quarter;
      const last = first + length + quarter;
      const { options } = this;
      return first <= options.first && last >= options.last
        ? { first: options.first, last: options.last }
        : { first: Math.max(first, options.first), last: Math.min(last, options.last) };
    }

    async show(symbol, from, to) {
      const { first, last } = this.window(from, to);
      const url = `${this.options.bars}?symbol=${encodeURIComponent(symbol)}&from=${first}&to=${last}`;
      this.aim = [from, to];
      if (url === this.url) {
        if (!this.isLoading) this.look(from, to);
        return;
      }
      if (this.request) this.request.abort();
      this.request = new AbortController();
      this.url = url;
      this.isLoading = true;
      this.symbol = symbol;
      let answer;
      try {
        const response = await fetch(url, { signal: this.request.signal });
        answer = await response.json();
        if (!response.ok) throw new Error(answer.detail);
      } catch (error) {
        if (error.name === "AbortError") return;
        this.url = null;
        this.isLoading = false;
        this.values(`Bars of ${symbol} did not load: ${error.message}`);
        return;
      }
      this.isLoading = false;
      this.fill(answer);
      this.look(...this.aim);
    }

    fill(bars) {
      this.bars = bars;
      // Aggregated bars stand further apart than the timeframe, even where the market never closed.
      const gaps = bars.time.slice(1).map((ms, i) => ms - bars.time[i]);
      this.isCoarse = gaps.length > 0 && gaps.reduce((a, b) => Math.min(a, b)) > this.step * 1.5;
      this.index = new Map(bars.time.map((ms, i) => [ms / 1000, i]));
      this.candles.setData(bars.time.map((ms, i) => ({
        time: ms / 1000, open: bars.open[i], high: bars.high[i], low: bars.low[i], close: bars.close[i],
      })));
      this.fillVolume();
      this.fillIndicators(bars.indicators);
      this.describe({});
    }

    fillVolume() {
      const { bars } = this;
      const [up, down] = [faded(token("up"), 0.5), faded(token("down"), 0.5)];
      this.volumes.setData(bars.time.map((ms, i) => ({
        time: ms / 1000, value: bars.volume[i], color: bars.close[i] >= bars.open[i] ? up : down,
      })));
    }

    // An indicator has the clock of its own answer: at a bar stands its last value by the end of it.
    fillIndicators({ time, rows }) {
      const names = rows.map((row) => row.label).join("\n");
      if (names !== this.names) {
        this.indicators.forEach(({ line }) => this.chart.removeSeries(line));
        let pane = 1;
        this.indicators = rows.map((row, i) => {
          const colour = INDICATOR_TOKENS[i % INDICATOR_TOKENS.length];
          const line = this.chart.addSeries(this.charts.LineSeries, {
            color: token(colour), lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false,
          }, row.pane === "price" ? 0 : (pane += 1));
          return { line, colour, label: row.label };
        });
        this.names = names;
        this.chart.panes().forEach((part, i) => part.setStretchFactor(i === 0 ? 7 : i === 1 ? 1.3 : 1.1));
        this.legend();
      }
      const stamps = this.bars.time;
      rows.forEach((row, number) => {
        const values = [];
        let at = -1;
        stamps.forEach((ms, i) => {
          const end = i + 1 < stamps.length ? stamps[i + 1] : Infinity;
          while (at + 1 < time.length && time[at + 1] < end) at += 1;
          const value = at >= 0 ? row.values[at] : null;
          values.push(value === null ? { time: ms / 1000 } : { time: ms / 1000, value });
        });
        this.indicators[number].line.setData(values);
        this.indicators[number].values = values;
      });
    }

    look(from, to) {
      const { time } = this.bars;
      if (time.length < 2) {
        this.chart.timeScale().fitContent();
        return;
      }
      this.chart.timeScale().setVisibleRange({
        from: Math.max(from, time[0]) / 1000, to: Math.min(to, time[time.length - 1]) / 1000,
      });
    }

    later() {
      this.describe({});
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refine(), FETCH_AFTER_MS);
    }

    // Ask for the window of what is visible now, when it is another one than what is loaded.
    refine() {
      const range = this.chart.timeScale().getVisibleLogicalRange();
      if (!range || !this.bars || this.bars.time.length < 2) return;
      const { time } = this.bars;
      const last = time.length - 1;
      const gap = (time[last] - time[0]) / last;
      const at = (logical) => {
        if (logical < 0) return time[0] + logical * gap;
        if (logical > last) return time[last] + (logical - last) * gap;
        return time[Math.round(logical)];
      };
      const { options } = this;
      const [from, to] = [Math.max(at(range.from), options.first), Math.min(at(range.to), options.last)];
      if (!(to > from)) return;
      const inside = from >= time[0] - gap && to <= time[last] + gap;
      const want = this.window(from, to);
      const finer = want.last - want.first < (time[last] - time[0]) * 0.6 && this.isCoarse;
      if (!inside || finer) this.show(this.symbol, from, to);
    }

    // Values under the crosshair, else of the last visible bar.
    describe(param) {
      if (!this.bars || !this.bars.time.length) return;
      const range = this.chart.timeScale().getVisibleLogicalRange();
      const end = this.bars.time.length - 1;
      const last = range ? Math.min(Math.max(Math.floor(range.to), 0), end) : end;
      const i = param.time !== undefined && this.index.has(param.time) ? this.index.get(param.time) : last;
      const { bars } = this;
      const before = i > 0 ? bars.close[i - 1] : bars.open[i];
      const change = bars.close[i] / before - 1;
      this.values(null, [
        ["", stamp(bars.time[i], this.isDaily)], ["O", price(bars.open[i])], ["H", price(bars.high[i])],
        ["L", price(bars.low[i])], ["C", price(bars.close[i])],
        [change < 0 ? "is-down" : "is-up", window.hindcastText.percent(change, 2, true)], ["V", volume(bars.volume[i])],
      ]);
      this.indicators.forEach((row) => {
        const value = row.values && row.values[i] ? row.values[i].value : undefined;
        if (row.slot) row.slot.textContent = price(value);
      });
    }
    values(words, pairs) {
      const box = this.element.querySelector(".price-chart-values");
      if (words) {
        box.textContent = words;
        return;
      }
      box.replaceChildren(...pairs.map(([name, value]) => {
        const part = document.createElement("span");
        const number = document.createElement("b");
        number.textContent = value;
        if (name.startsWith("is-")) number.className = name;
        else if (name) part.append(name, " ");
        part.append(number);
        return part;
      }));
    }
    legend() {
      const box = this.element.closest(".card").querySelector(".price-chart-legend");
      box.replaceChildren(...this.indicators.map((row) => {
        const entry = document.createElement("span");
        entry.className = "legend-entry";
        const key = document.createElement("i");
        key.className = "legend-key";
        key.style.borderTopColor = `var(--${row.colour})`;
        const name = document.createElement("span");
        name.textContent = row.label;
        row.slot = document.createElement("b");
        entry.append(key, name, row.slot);
        return entry;
      }));
    }

    // The selected trade.
    choose(number) {
      this.trade = number;
      this.layer.requestUpdate();
    }
    around(trade) {
      const end = trade.exit_time === null ? this.options.last : trade.exit_time;
      const margin = Math.max((end - trade.entry_time) * 0.6, this.step * 60);
      return [Math.max(trade.entry_time - margin, this.options.first), Math.min(end + margin, this.options.last)];
    }
    recent() {
      // About as many bars as fit well; bars of a day are five in a week.
      const span = this.step * FIRST_BARS * (this.isDaily ? 1.45 : 1);
      return [Math.max(this.options.last - span, this.options.first), this.options.last];
    }
  }

  let current = null;
  const byNumber = (number) => current && current.rows.find((trade) => trade.number === number);

  // The line below the chart, and the row of the table.
  const money = (v) => (v > 0 ? "+" : "") + window.hindcastText.money(v);
  const describeTrade = (trade) => {
    const line = document.querySelector(".trade-line");
    if (!line) return;
    line.classList.toggle("has-trade", Boolean(trade));
    if (!trade) return;
    const { percent } = window.hindcastText;
    const isDaily = current.isDaily;
    const out = trade.open ? `open, marked at ${price(trade.exit_price)}`
      : `${stamp(trade.exit_time, isDaily)} at ${price(trade.exit_price)}, ${trade.exit_reason}`;
    const texts = {
      name: `Trade ${trade.number}, ${trade.symbol} ${trade.side}`,
      pnl: `${money(trade.pnl)}  ${percent(trade.return, 1, true)}`,
      entry: `In ${stamp(trade.entry_time, isDaily)} at ${price(trade.entry_price)}, ${trade.quantity.toLocaleString("en-US")} shares`,
      exit: `Out ${out}`,
      bars: `${trade.bars} bars`,
      excursion: `MAE ${percent(trade.mae)}, MFE ${percent(trade.mfe, 1, true)}`,
      fees: `fees ${window.hindcastText.money(trade.fees)}${trade.ambiguous ? ", ambiguous" : ""}`,
    };
    line.querySelectorAll("[data-field]").forEach((field) => {
      field.textContent = texts[field.dataset.field];
      if (field.dataset.field === "pnl") field.className = `trade-field ${trade.pnl > 0 ? "is-up" : "is-down"}`;
    });
  };
  // The table is set by its properties: its own API may answer before its rows are there.
  const inTable = (props) => window.dash_clientside.set_props("result-chart-trades", props);
  const marked = () => {
    const id = current.trade && current.shown().some((trade) => trade.number === current.trade) ? String(current.trade) : null;
    return id ? { selectedRows: { ids: [id] }, scrollTo: { rowId: id, rowPosition: "middle" } } : { selectedRows: [] };
  };
  const showRows = () => {
    const rows = current.shown();
    inTable({ rowData: rows, ...marked() });
    const count = document.getElementById("result-trade-count");
    const words = [rows.length, current.rows.length].map((n) => n.toLocaleString("en-US"));
    if (count) count.textContent = `${current.symbol}, ${words[0]} of ${words[1]}`;
  };

  window.hindcastChart = {
    start: async (rows, symbol, trade) => {
      const element = document.getElementById("result-price-chart");
      let charts;
      try {
        charts = await load(JSON.parse(element.dataset.options).library);
      } catch (error) {
        element.querySelector(".price-chart-values").textContent = error.message;
        return;
      }
      if (!element.isConnected) return;
      if (current) current.remove();
      current = new PriceChart(element, charts);
      current.rows = rows;
      current.first = document.querySelector("#result-symbol-control input")?.value;
      window.hindcastChart.show(symbol, trade);
    },
    show: (symbol, number) => {
      if (!current || !current.element.isConnected) return;
      const trade = byNumber(number);
      const name = (trade && trade.symbol) || symbol || current.symbol || current.first || (current.rows[0] || {}).symbol;
      const changed = name !== current.symbol;
      current.choose(trade ? trade.number : null);
      const [from, to] = trade ? current.around(trade) : current.recent();
      if (trade || changed) current.show(name, from, to);
      window.dash_clientside.set_props("result-symbol-control", { value: name });
      describeTrade(trade);
      if (changed) showRows();
      else inTable(marked());
    },
    walk: (step) => {
      if (!current) return;
      const trades = current.shown();
      if (!trades.length) return;
      const at = trades.findIndex((trade) => trade.number === current.trade);
      const next = at < 0 ? (step > 0 ? 0 : trades.length - 1) : Math.min(Math.max(at + step, 0), trades.length - 1);
      // At once, so that keys pressed in a row each count.
      current.trade = trades[next].number;
      window.dash_clientside.set_props("result-trade", { data: current.trade });
    },
    filter: (kind) => {
      if (!current || !kind) return;
      current.kind = kind;
      current.layer.requestUpdate();
      showRows();
    },
    span: (name) => {
      if (!current) return;
      const { first, last } = current.options;
      current.show(current.symbol, name === "all" ? first : Math.max(last - SPANS[name], first), last);
    },
    levels: (levels) => {
      if (!current) return;
      current.levels = levels;
      current.layer.requestUpdate();
    },
    symbol: () => current && current.symbol,
    symbolOf: (number) => (byNumber(number) || {}).symbol,
  };
  window.addEventListener("hindcast:theme", () => {
    if (!current || !current.element.isConnected) return;
    current.colour();
    current.layer.requestUpdate();
  });

  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  functions.orderText = (name, value) => {
    if (value === null || value === undefined) return "–";
    if (name === "time") return stamp(value, value % DAY === 0);
    if (["limit", "stop", "price", "filled_price"].includes(name)) return price(value);
    if (name === "fee") return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
    if (name === "ambiguous") return value ? "yes" : "";
    return value.toLocaleString("en-US", { maximumFractionDigits: 4 });
  };
  functions.tradeText = (name, value) => {
    if (name === "exit_time" && value === null) return "open";
    if (value === null || value === undefined) return "–";
    const { percent, money: dollars } = window.hindcastText;
    if (name.endsWith("_time")) return stamp(value, value % DAY === 0);
    if (name.endsWith("_price")) return price(value);
    if (name === "return" || name === "mfe") return percent(value, 1, true);
    if (name === "mae") return percent(value);
    if (name === "pnl") return money(value);
    if (name === "fees") return dollars(value);
    if (name === "ambiguous") return value ? "yes" : "";
    return value.toLocaleString("en-US", { maximumFractionDigits: 4 });
  };
})();
