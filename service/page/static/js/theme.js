// Light or dark: as the system says, until somebody chooses.

const root = document.documentElement;

function label(button) {
  const other = root.dataset.theme === "dark" ? "Light" : "Dark";
  button.textContent = other;
  button.setAttribute("aria-label", `${other} theme`);
}

export function wireTheme(button) {
  label(button);
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("multirecall.theme", root.dataset.theme);
    label(button);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    if (localStorage.getItem("multirecall.theme")) return;
    root.dataset.theme = event.matches ? "dark" : "light";
    label(button);
  });
}
