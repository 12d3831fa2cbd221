// The colours of day or of night, as the reader has chosen; else as the system has them. Loaded
// before the page is shown, so that it never flashes.
"use strict";

(() => {
  const KEY = "theme";
  const root = document.documentElement;
  const night = matchMedia("(prefers-color-scheme: dark)");

  // A browser may keep nothing.
  function kept() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  function keep(theme) {
    try { localStorage.setItem(KEY, theme); } catch { /* For this page, then. */ }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : night.matches;
  }

  if (["dark", "light"].includes(kept())) root.dataset.theme = kept();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    const show = () => button.setAttribute("aria-pressed", isDark());
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep(root.dataset.theme);
      show();
    });
    night.addEventListener("change", show);
    show();
  });
})();
