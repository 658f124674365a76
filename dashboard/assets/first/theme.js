// Runs before the first paint: the theme and the width of the view, kept in cookies so that the
// server draws charts and lists to fit.
(function () {
  const keep = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
  };
  const read = (name) => (document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`)) || [])[1];
  const phone = matchMedia("(max-width: 767px)");
  const theme = window.hindcastTheme;

  theme.keep = (value) => keep(theme.cookie, value);
  theme.current = read(theme.cookie) ||
    (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  theme.keep(theme.current);
  keep(theme.viewCookie, phone.matches ? "phone" : "wide");
  phone.addEventListener("change", () => {
    keep(theme.viewCookie, phone.matches ? "phone" : "wide");
    // Rows or cards; other pages only flow, and a draft must not be lost when a window is narrowed.
    if (document.getElementById("runs-grid")) window.hindcast.reload();
  });
  document.documentElement.dataset.mantineColorScheme = theme.current;
})();
