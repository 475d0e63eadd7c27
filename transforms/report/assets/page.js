"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const color = name => getComputedStyle(root).getPropertyValue(name).trim();
  const charts = [];

  const label = () => {
    button.textContent = isDark() ? "Light colours" : "Dark colours";
    button.setAttribute("aria-pressed", String(isDark()));
  };
  const stored = () => { try { return localStorage.getItem("callveil-theme"); } catch { return null; } };
  if (stored()) root.dataset.theme = stored();
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("callveil-theme", root.dataset.theme); } catch { /* a file opened from disk may keep nothing */ }
    label();
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { label(); paint(); });

  // Charts

  const series = n => color(`--s${n % 8 + 1}`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function options(spec) {
    const flat = spec.kind === "hbar";
    const value = { beginAtZero: true, stacked: spec.kind === "stacked", grid: { color: color("--line") }, ticks: { color: color("--muted"), precision: 0, maxTicksLimit: 7 },
      title: { display: true, text: spec.unit, color: color("--muted") } };
    const names = { stacked: spec.kind === "stacked", grid: { display: false }, ticks: { color: flat ? color("--ink") : color("--muted"), autoSkip: !flat, maxRotation: 0, autoSkipPadding: 12,
      callback(index) {
        const text = String(this.getLabelForValue(index));
        const most = Math.min(48, Math.max(12, Math.floor(this.chart.width / 17))); // names take at most half of a narrow chart
        return text.length > most ? text.slice(0, most - 1) + "\u2026" : text;
      } } };
    return {
      indexAxis: flat ? "y" : "x", responsive: true, maintainAspectRatio: false, animation: calm ? false : { duration: 250 },
      interaction: { mode: "index", intersect: false, axis: flat ? "y" : "x" },
      scales: flat ? { x: value, y: names } : { x: names, y: value },
      plugins: {
        legend: { display: spec.kind === "stacked" || spec.series.length > 1, position: "bottom", labels: { color: color("--ink"), boxWidth: 12, boxHeight: 12 } },
        tooltip: { callbacks: { label: c => `${c.dataset.label}: ${Number(c.raw).toLocaleString("en")}` } },
      },
    };
  }
  const data = spec => ({
    labels: spec.labels,
    datasets: spec.series.map((s, n) => ({
      label: s.name, data: s.values, backgroundColor: spec.kind === "line" ? series(n) + "33" : series(n), borderColor: series(n),
      borderWidth: spec.kind === "line" ? 2 : 0, fill: spec.kind === "line", pointRadius: spec.labels.length > 60 ? 0 : 2, stepped: spec.kind === "line" ? "before" : false,
      maxBarThickness: 26, borderRadius: spec.kind === "stacked" ? 0 : 3,
    })),
  });
  function paint() {
    for (const [chart, spec] of charts) {
      chart.data = data(spec);
      chart.options = options(spec);
      chart.update("none");
    }
  }
  for (const canvas of document.querySelectorAll("canvas[data-spec]")) {
    const spec = JSON.parse(document.getElementById(canvas.dataset.spec).textContent);
    charts.push([new Chart(canvas, { type: spec.kind === "line" ? "line" : "bar", data: data(spec), options: options(spec) }), spec]);
  }
  // Paper is laid out after this event: half of a page's width in CSS pixels, and the heights that the style gives there.
  const paper = { h1: 98, h2: 151, h3: 219, h4: 302, h5: 567 };
  addEventListener("beforeprint", () => {
    paint();
    for (const [chart] of charts) chart.resize(473, paper[chart.canvas.parentNode.classList[1]] ?? 174);
  });
  addEventListener("afterprint", () => { paint(); for (const [chart] of charts) chart.resize(); });

  // Tables

  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const key = cell => cell.dataset.v ?? cell.textContent;
  for (const panel of document.querySelectorAll("[data-table]")) {
    const body = panel.querySelector("tbody");
    if (!body) continue; // no rows in this period
    const rows = [...body.rows];
    const heads = [...panel.querySelectorAll("thead th")];
    heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const isNumber = head.classList.contains("num");
      const sorted = rows.map((row, at) => [row, key(row.cells[column]), at]).sort(([, a, i], [, b, j]) => {
        if (a === "" || b === "") return a === b ? i - j : a === "" ? 1 : -1; // without a value: last, either way
        const found = isNumber ? Number(a) - Number(b) : order.compare(a, b);
        return (up ? found : -found) || i - j;
      });
      body.append(...sorted.map(([row]) => row));
    }));
    const input = panel.querySelector("input[type=search]");
    const count = panel.querySelector(".count");
    const said = count?.textContent;
    const texts = rows.map(row => row.textContent.toLowerCase());
    input?.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        const fits = words.every(word => texts[at].includes(word));
        row.classList.toggle("hidden", !fits);
        shown += fits;
      });
      count.textContent = words.length ? `${shown.toLocaleString("en")} of these rows fit` : said;
    });
  }
})();
