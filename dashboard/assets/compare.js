// The compare page: its runs, and how its curves are drawn, are its address.
(function () {
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const query = (ids, base, others) => {
    const pairs = [["ids", ids.join(",")]];
    if (base > 0) pairs.push(["base", ids[base]]);
    return "?" + [...pairs, ...others].map(([name, value]) => `${name}=${value}`).join("&");
  };
  clientside.hindcastCompare = {
    view: (kind, scale, { ids, base }) => {
      const others = [];
      if (kind !== "equity") others.push(["kind", kind]);
      if (scale !== "log") others.push(["scale", scale]);
      window.hindcast.replaceQuery(query(ids, base, others));
    },
    add: (id, { ids, base }) => {
      if (id) window.hindcast.go(`/compare${query([...ids, id], base, [])}`);
    },
  };
})();
