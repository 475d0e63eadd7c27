// Opens the page of an unpacked package in Chromium and says what is wrong as JSON: requests that leave it, errors, accessibility, what is cut off,
// links that lead nowhere, recordings that do not play.
// usage: node package.mjs CHROMIUM SHOTS PAGE...    (run where node_modules is)
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [executablePath, shots, ...pages] = process.argv.slice(2);

const args = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb", "--autoplay-policy=no-user-gesture-required"];
const browser = await chromium.launch({ executablePath, args });
const out = [];
for (const path of pages) {
  const own = pathToFileURL(path).href;
  for (const [scheme, width] of [["light", 1100], ["dark", 1100], ["light", 360]]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const found = { page: path, scheme, width, requests: [], errors: [] };
    page.on("request", r => { if (r.url().split("#")[0] !== own) found.requests.push(r.url()); });
    page.on("console", m => found.errors.push(m.text()));
    page.on("pageerror", e => found.errors.push(String(e)));
    await page.goto(own);
    await page.$$eval("details", all => all.forEach(d => { d.open = true; }));
    await page.waitForTimeout(300);
    if (shots) await page.screenshot({ path: join(shots, `${basename(dirname(path))}-${scheme}-${width}.png`), fullPage: true });
    await page.evaluate(axe);
    const report = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    found.axe = report.violations.map(v => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 160)}`);
    found.cut = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    found.asked = [...found.requests]; // what follows asks for recordings, as who listens does
    const links = await page.$$eval("a[href]", all => all.map(a => a.href));
    const there = url => url.startsWith(own + "#") ? page.$(`[id="${url.split("#")[1]}"]`) : existsSync(fileURLToPath(url));
    found.dead = [];
    for (const url of links) if (!await there(url)) found.dead.push(url);
    found.played = await page.$$eval("audio", all => Promise.all(all.map(async a => {
      await a.play();
      await new Promise(done => setTimeout(done, 150));
      const at = a.currentTime;
      a.pause();
      return { seconds: a.duration, at };
    })));
    out.push(found);
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(out));
