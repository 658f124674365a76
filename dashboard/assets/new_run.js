// The new-run page: gathers the form, colours the editor, goes to the finished run.
(function () {
  const d = (window.dash_clientside = window.dash_clientside || {});
  const set = (id, props) => d.set_props(id, props);
  const plain = (value) => (value === null || value === undefined ? "" : value);
  const same = (a, b) => {
    if (a && b && typeof a === "object" && typeof b === "object") {
      const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
      return [...keys].every((key) => same(a[key], b[key]));
    }
    return plain(a) === plain(b);
  };

  // At most one draft is on its way; the newest form waits for its answer.
  const IDLE = -1e9;
  const PATIENCE_MS = 3000;
  let busySince = IDLE;
  let waiting = null;
  let pause = 0;
  // The form before the last change, which the preview draws in grey.
  let before = null;
  // What the parameters' controls are made from: most drafts change only their values.
  const isRedesigned = (form, old) => form.mode !== old.mode || form.strategy !== old.strategy || !same(form.symbols, old.symbols) ||
    (form.mode === "formula" && form.text !== plain(old.text));
  const design = (form, old) => ({
    mode: form.mode, strategy: form.strategy, text: form.text, params: form.params, symbols: form.symbols,
    is_other: form.strategy !== old.strategy, has_other_symbols: !same(form.symbols, old.symbols),
  });
  const send = (form, old) => {
    if (!document.getElementById("new-preview")) return;
    busySince = performance.now();
    waiting = null;
    set("new-previous", { data: before });
    set("new-draft", { data: form });
    if (isRedesigned(form, old)) set("new-design", { data: design(form, old) });
  };

  // The editor: a coloured copy below a transparent text area.
  const FIELDS = /^(\s*)([a-z][a-z0-9_]*)(\s*:)/;
  const colourLine = (line, parameters) => {
    const parts = [];
    const add = (name, text) => {
      const span = document.createElement("span");
      if (name) span.className = name;
      span.textContent = text;
      parts.push(span);
    };
    const comment = line.indexOf("#");
    let rest = comment >= 0 ? line.slice(0, comment) : line;
    const field = rest.match(FIELDS);
    if (field) {
      add("", field[1]);
      add("tok-field", field[2]);
      add("tok-quiet", field[3]);
      rest = rest.slice(field[0].length);
    }
    for (const match of rest.matchAll(/[a-zA-Z_]\w*(?=\s*\()|[a-zA-Z_]\w*|\d+(?:\.\d+)?|[^\w]+|./g)) {
      const token = match[0];
      const follows = rest.slice(match.index + token.length);
      if (/^\d/.test(token)) add("tok-number", token);
      else if (parameters.has(token)) add("tok-param", token);
      else if (/^(and|or|not)$/.test(token)) add("tok-quiet", token);
      else if (/^[a-zA-Z_]/.test(token) && /^\s*\(/.test(follows)) add("tok-function", token);
      else add("", token);
    }
    if (comment >= 0) add("tok-quiet", line.slice(comment));
    return parts;
  };
  const colour = (target, text, parameters, mark) => {
    target.replaceChildren(...text.split("\n").map((line, i) => {
      const row = document.createElement("div");
      row.className = mark && mark.line === i + 1 ? "code-line code-wrong" : "code-line";
      row.append(...colourLine(line, parameters), "\n");
      return row;
    }));
  };
  const paint = (text, mark, specs) => {
    const parameters = new Set(Object.keys(specs || {}));
    document.querySelectorAll("[data-formula]").forEach((block) => colour(block, block.textContent.replace(/\n$/, ""), parameters));
    const pane = document.querySelector(".editor-colours");
    if (!pane) return;
    colour(pane, text || "", parameters, mark);
    const count = (text || "").split("\n").length;
    document.querySelector(".editor-lines").textContent = Array.from({ length: count }, (_, i) => i + 1).join("\n");
    document.querySelector(".editor-text").rows = Math.max(count, 3);
  };
  document.addEventListener("scroll", (event) => {
    if (!event.target.classList || !event.target.classList.contains("editor-text")) return;
    event.target.previousElementSibling.scrollLeft = event.target.scrollLeft;
  }, true);

  const copyText = async (text) => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return;
    }
    // Without https there is no clipboard object.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };

  d.hindcastForm = {
    gather: (...values) => {
      const [old, text] = [values.pop(), values.pop()];
      const keep = d.no_update;
      const form = { ...old, text: plain(text), params: {} };
      d.callback_context.inputs_list.flat().forEach((input) => {
        if (input.id.symbol) {
          const weights = (form.params[input.id.name] = form.params[input.id.name] || {});
          if (plain(input.value) !== "") weights[input.id.symbol] = Number((input.value / 100).toPrecision(12));
        } else if (input.id.key) form[input.id.key] = input.value === undefined ? null : input.value;
        else if (input.id.name) form.params[input.id.name] = plain(input.value);
      });
      clearTimeout(pause);
      // Another strategy begins with its own defaults, a formula with the text that is on its way.
      const isOther = form.mode === "template" && form.strategy !== old.strategy;
      if (isOther) form.params = {};
      if (form.mode === "formula" && !form.text) return [keep, keep, keep, keep];
      // The form is what the controls say at once; only the asking about it waits.
      const later = [form, keep, keep, keep];
      if (same(form, old)) {
        waiting = null;
        return later;
      }
      // The defaults, now that their sliders are there, are no change of the draft.
      if (Object.keys(old.params).length) before = old;
      if (window.hindcast.isTyping()) {
        pause = setTimeout(() => send(form, old), window.hindcast.PAUSE_MS);
        return later;
      }
      const rest = busySince + PATIENCE_MS - performance.now();
      if (rest > 0) {
        waiting = [form, old];
        // An answer that never comes must not hold up the newest form.
        pause = setTimeout(() => waiting && send(...waiting), rest);
        return later;
      }
      busySince = performance.now();
      waiting = null;
      return [form, form, before, isRedesigned(form, old) ? design(form, old) : keep];
    },
    drawn: () => {
      busySince = IDLE;
      if (waiting) send(...waiting);
    },
    pair: (slider, number) => {
      const from = d.callback_context.triggered_id;
      if (from && from.type === "new-param-number") {
        return number === "" || number === undefined ? [d.no_update, d.no_update] : [Number(number), d.no_update];
      }
      return [d.no_update, slider];
    },
    mode: (mode) => [mode === "formula", mode !== "formula"],
    colour: (text, mark, specs) => {
      requestAnimationFrame(() => paint(text, mark, specs));
    },
    named: (name, ...values) => {
      const known = values.pop() || {};
      const keys = d.callback_context.inputs_list.slice(1, -1).map(({ id }) => id.key);
      const isChosen = d.callback_context.triggered.some(({ prop_id: changed }) => /^new-/.test(changed) && changed.endsWith(".value"));
      if (isChosen && known[name]) return [d.no_update, ...keys.map((key) => known[name][key])];
      const isThis = (stands) => keys.every((key, i) => stands[key] === (typeof stands[key] === "number" ? Number(values[i] || 0) : values[i]));
      const found = Object.keys(known).find((each) => isThis(known[each])) || "";
      return [found === name ? d.no_update : found, ...keys.map(() => d.no_update)];
    },
    copied: (copy) => {
      if (copy) copyText(copy.text).then(() => window.hindcast.note({ text: `Copied the ${copy.what}.` }));
    },
    go: (target) => {
      if (target) window.hindcast.go(target.href);
    },
  };
})();
