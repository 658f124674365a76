// What waits below the first screen is built when it comes near, the rest one part at a time while
// the browser is idle, and all that is left before the page is printed.
(function () {
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const PAUSE_MS = 100;
  const AT_LATEST_MS = 4000;
  const waiting = new Map();
  const idle = (work) => {
    if (window.requestIdleCallback) window.requestIdleCallback(work, { timeout: 5 * PAUSE_MS });
    else setTimeout(work, PAUSE_MS);
  };
  let isIdling = false;

  const build = (place) => {
    const held = waiting.get(place);
    waiting.delete(place);
    near.unobserve(place);
    // A callback may have filled it in the meantime, or the page is gone.
    if (!held || !place.isConnected || place.firstElementChild) return;
    clientside.set_props(place.id, { children: window.hindcast.inTheme(held.children, held.theme) });
  };

  // Not before the charts of the first screen are drawn, unless they cannot be.
  const isDrawn = () => [...document.querySelectorAll(".graph-box")].every((box) => box.querySelector(".main-svg"));
  const afterCharts = (work, since = performance.now()) => {
    if (isDrawn() || performance.now() - since > AT_LATEST_MS) work();
    else setTimeout(() => afterCharts(work, since), 16);
  };
  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => afterCharts(() => build(entry.target)));
  }, { rootMargin: "200px 0px" });

  const buildNext = () => {
    const [place] = waiting.keys();
    if (place) build(place);
    isIdling = waiting.size > 0;
    if (isIdling) later();
  };
  const later = () => setTimeout(() => afterCharts(() => idle(buildNext)), PAUSE_MS);
  window.addEventListener("beforeprint", () => {
    window.ReactDOM.flushSync(() => [...waiting.keys()].forEach(build));
  });

  clientside.hindcastLater = {
    wait: (parts, ids) => {
      ids.forEach(({ of }, i) => {
        const place = document.getElementById(of);
        if (!place || !parts[i] || place.firstElementChild) return;
        waiting.set(place, parts[i]);
        near.observe(place);
      });
      if (waiting.size && !isIdling) {
        isIdling = true;
        later();
      }
      return clientside.no_update;
    },
  };
})();
