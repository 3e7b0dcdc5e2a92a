// Runs before the first paint, so that a chosen theme never flashes. A classic script: modules would come too late.
(() => {
  const chosen = localStorage.getItem("multirecall.theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
