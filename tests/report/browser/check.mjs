// Opens pages in Chromium, in light and dark, and says what is wrong as JSON: requests that leave the file, errors, accessibility, controls that do nothing,
// what a phone or paper cuts off.
// usage: node check.mjs CHROMIUM FOLDER SHOTS PAGE...    (run where node_modules is)
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PAPER = 1039; // what the margins leave of A4 on its side, in CSS pixels
const [executablePath, folder, shots, ...pages] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"] });
const out = [];
for (const name of pages) {
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1280, height: 900 }, bypassCSP: false });
    const page = await context.newPage();
    const found = { page: name, scheme, requests: [], errors: [], axe: [], controls: [] };
    const own = pathToFileURL(join(folder, name)).href;
    page.on("request", r => { if (r.url().split("#")[0] !== own && !r.url().startsWith("data:")) found.requests.push(r.url()); });
    page.on("console", m => { if (["error", "warning"].includes(m.type())) found.errors.push(m.text()); });
    page.on("pageerror", e => found.errors.push(String(e)));
    const soon = async fits => { // a busy machine draws late
      for (let n = 0; n < 1800; n++) {
        if (await fits()) return true;
        await page.waitForTimeout(100);
      }
      return false;
    };
    await page.goto(own);
    await page.waitForTimeout(350);
    if (shots) await page.screenshot({ path: join(shots, `${name.replace(".html", "")}-${scheme}.png`), fullPage: true });

    // evaluate runs apart from the page's own policy, so the check itself needs no hole in it.
    await page.evaluate(axe);
    const report = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    found.axe = report.violations.map(v => ({ id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "").slice(0, 160)) }));

    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await background();
    await page.click("#theme");
    if (!await soon(async () => await background() !== before)) found.controls.push("the switch changes no colours");
    await page.reload();
    if (!await soon(async () => await background() !== before)) found.controls.push("the choice of colours is not kept");
    for (const panel of await page.$$("[data-table]")) {
      const rows = () => panel.$$eval("tbody tr:not(.hidden)", r => r.map(x => x.textContent));
      const first = await rows();
      if (first.length < 2) continue;
      const heads = await panel.$$("thead th");
      for (const head of heads) {
        await (await head.$("button")).click();
        if (await head.getAttribute("aria-sort") !== "ascending") found.controls.push("a column does not sort");
      }
      const column = heads.length - 1;
      const last = await heads[column].$("button");
      await last.focus();
      await page.keyboard.press("Enter"); // the keyboard reaches it too
      if (await heads[column].getAttribute("aria-sort") !== "descending") found.controls.push("a column does not sort the other way");
      const values = await panel.$$eval("tbody tr", (r, c) => r.map(x => x.cells[c].dataset.v ?? x.cells[c].textContent).filter(v => v !== ""), column);
      const number = await heads[column].evaluate(h => h.classList.contains("num"));
      const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
      const falls = values.every((v, n) => !n || (number ? Number(values[n - 1]) >= Number(v) : order.compare(values[n - 1], v) >= 0));
      if (!falls) found.controls.push("a sorted column is out of order");
      const input = await panel.$("input[type=search]");
      if (input) {
        const word = first[first.length - 1].match(/[\p{L}\d-]{4,}/u)?.[0] ?? "";
        await input.focus();
        await page.keyboard.type(word); // as who has no pointer
        const filtered = async () => { const left = await rows(); return left.length && left.every(t => t.toLowerCase().includes(word.toLowerCase())); };
        if (!await soon(filtered)) found.controls.push(`the filter shows rows without ${word}`);
        await input.fill("no row has this text");
        if (!await soon(async () => !(await rows()).length)) found.controls.push("the filter hides nothing");
        await input.fill("");
        if (!await soon(async () => (await rows()).length === first.length)) found.controls.push("clearing the filter does not bring all rows back");
      }
    }
    found.cut = [];
    if (scheme === "light") {
      const wider = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await page.setViewportSize({ width: 360, height: 800 });
      const whole = async () => await wider() <= 0; // charts are drawn anew
      if (!await soon(whole)) found.cut.push(`a phone cuts off ${await wider()} px`);
      await page.evaluate(() => { delete document.documentElement.dataset.theme; });
      await page.setViewportSize({ width: PAPER, height: 800 });
      await page.emulateMedia({ media: "print" });
      if (!await soon(whole)) found.cut.push(`paper cuts off ${await wider()} px`);
      if (shots) await page.pdf({ path: join(shots, `${name.replace(".html", "")}.pdf`), preferCSSPageSize: true });
    }
    found.drawn = await page.$$eval("canvas", c => c.filter(x => { const d = x.getContext("2d").getImageData(0, 0, x.width, x.height).data; return d.some(v => v); }).length);
    found.canvases = (await page.$$("canvas")).length;
    out.push(found);
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(out, null, 1));
