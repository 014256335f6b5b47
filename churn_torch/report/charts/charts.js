// Shows the values of a chart where the pointer is, and those before and after at the arrow keys. The
// values are read from the table behind the chart.
for (const plot of document.querySelectorAll(".plot")) {
  const figure = plot.closest("figure");
  const rows = [...figure.querySelectorAll("tr[data-at]")].map((row) => {
    const heads = [...row.closest("table").querySelectorAll("thead th")];
    const known = [...row.cells].map((cell, i) => [heads[i].textContent, cell.textContent])
      .filter(([, text]) => text !== "-");
    const [x, y] = row.dataset.at.split(" ").map(Number);
    return { x, y: y ?? null, words: known.map((both) => both.join(": ")).join("; ") };
  });
  const made = (kind, role) => {
    const element = document.createElement("div");
    element.className = kind;
    element.setAttribute(...role);
    element.hidden = true;
    return plot.appendChild(element);
  };
  const cursor = made("cursor", ["aria-hidden", "true"]);
  const value = made("value", ["role", "status"]);
  let at = -1;

  const show = (place) => {
    at = place;
    cursor.hidden = value.hidden = place < 0;
    if (place < 0) return;
    const { x, words } = rows[place];
    value.textContent = words;
    cursor.style.left = `${x / 10}%`;
    value.style.left = x < 500 ? "auto" : "0";
    value.style.right = x < 500 ? "0" : "auto";
  };
  const nearest = (event) => {
    const box = plot.querySelector("svg").getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const far = rows.map((row) => Math.hypot(row.x / 1000 - x, row.y === null ? 0 : row.y / 1000 - y));
    show(far.indexOf(Math.min(...far)));
  };
  const last = rows.length - 1;
  const keys = {
    ArrowRight: () => Math.min(at + 1, last), ArrowLeft: () => Math.max(at - 1, 0),
    PageDown: () => Math.min(at + 10, last), PageUp: () => Math.max(at - 10, 0),
    Home: () => 0, End: () => last, Escape: () => -1,
  };
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", `${figure.querySelector("b").textContent}: values by arrow keys`);
  plot.addEventListener("pointermove", nearest);
  plot.addEventListener("pointerdown", nearest);
  plot.addEventListener("pointerleave", () => show(-1));
  plot.addEventListener("focus", () => { if (at < 0 && plot.matches(":focus-visible")) show(0); });
  plot.addEventListener("blur", () => show(-1));
  plot.addEventListener("keydown", (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    show(keys[event.key]());
  });
}

// A table that is wider than the page can be scrolled by keys.
const wide = () => {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.querySelector("caption").textContent);
    } else if (box.hasAttribute("tabindex")) {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
};
wide();
addEventListener("resize", wide);
document.addEventListener("toggle", wide, true);
