// Opens pages in one chromium and says what is wrong with them.
//
//   node audit.mjs CHROMIUM
//
// A line of the input is {"url", "shots"}: an address, and a path that screenshots start with, or null. It
// gives a line of the output, {"faults": [...], "charts": n} or {"error"}. A fault is "KIND: WHAT"; of the
// looks, "MEDIUM: KIND: WHAT".

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(new URL("../export/node/", import.meta.url));
const { chromium } = require("playwright-core");
const axe = require("axe-core");

// An A4 page has 194 mm between margins of 8 mm.
const MEDIA = {
  desktop: { width: 1280, height: 900, colorScheme: "light", media: "screen" },
  phone: { width: 375, height: 740, colorScheme: "light", media: "screen" },
  dark: { width: 1280, height: 900, colorScheme: "dark", media: "screen" },
  print: { width: 733, height: 1060, colorScheme: "dark", media: "print" },
};
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** What is wrong with the layout and the colours of the page as it is now shown. Runs in the page. */
function lookFaults() {
  const faults = [];
  const remembered = (found) => {
    const known = new Map();
    return (key) => {
      if (!known.has(key)) known.set(key, found(key));
      return known.get(key);
    };
  };
  const styleOf = remembered((element) => {
    const { overflowX, overflowY, opacity, backgroundColor } = getComputedStyle(element);
    return { overflowX, overflowY, opacity: Number(opacity), backgroundColor };
  });
  const boxOf = remembered((element) => element.getBoundingClientRect());
  const shortened = (text) => text.trim().replace(/\s+/g, " ").slice(0, 50);

  // Boxes of the lines of all texts that are seen.
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, title, desc, caption, .unseen")) continue;
    if (!parent.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 1) boxes.push({ box, parent, text: shortened(node.data) });
    }
  }

  // No text lies over another one; boxes of neighbouring lines may touch.
  const sorted = boxes.toSorted((one, other) => one.box.top - other.box.top);
  sorted.forEach((one, i) => {
    for (const other of sorted.slice(i + 1)) {
      if (other.box.top > one.box.bottom - 3) break;
      const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
      if (wide > 1 && high > 3) faults.push(`overlap: "${one.text}" and "${other.text}"`);
    }
  });

  // Nothing is cut off, and only what can be scrolled is wider than the page.
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) {
    faults.push(`wide: ${page.scrollWidth} pixels of ${page.clientWidth}`);
  }
  for (const box of document.querySelectorAll("*")) {
    const scrolls = /auto|scroll/.test(styleOf(box).overflowX) && box.scrollWidth > box.clientWidth;
    if (scrolls && box.tabIndex < 0) faults.push(`keys: "${shortened(box.textContent)}" cannot be scrolled`);
  }
  for (const { box, parent, text } of boxes) {
    let scrolls = false;
    for (let at = parent; at && at !== page; at = at.parentElement) {
      const { overflowX, overflowY } = styleOf(at);
      const outer = boxOf(at);
      const cuts = (how) => how === "hidden" || how === "clip";
      scrolls ||= overflowX === "auto" || overflowX === "scroll";
      if (at instanceof SVGElement) continue;
      if ((cuts(overflowX) && (box.right > outer.right + 1 || box.left < outer.left - 1)) ||
          (cuts(overflowY) && (box.bottom > outer.bottom + 1 || box.top < outer.top - 1))) {
        faults.push(`cut: "${text}"`);
      }
    }
    if (!scrolls && (box.left < -0.5 || box.right > page.clientWidth + 0.5)) {
      faults.push(`cut: "${text}" at the side of the page`);
    }
  }

  // Contrast of texts, and of what is drawn.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = remembered((colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  });
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((part, i) => part * a + below[i] * (1 - a));
  const ground = remembered((element) =>
    element ? over(rgba(styleOf(element).backgroundColor), ground(element.parentElement))
      : [255, 255, 255]);
  const opacity = remembered((element) =>
    element ? styleOf(element).opacity * opacity(element.parentElement) : 1);
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (element, property) => {
    const [r, g, b, a] = rgba(getComputedStyle(element)[property]);
    const below = ground(element);
    const seen = over([r, g, b, a * opacity(element)], below);
    const [low, high] = [light(below), light(seen)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  for (const parent of new Set(boxes.map((one) => one.parent))) {
    const ratio = contrast(parent, parent instanceof SVGElement ? "fill" : "color");
    if (ratio < 4.5) faults.push(`contrast: ${ratio.toFixed(2)} of "${shortened(parent.textContent)}"`);
  }
  for (const drawn of document.querySelectorAll("path.line, path.whisker, path.mark, path.bar")) {
    const ratio = contrast(drawn, drawn.matches(".bar") ? "fill" : "stroke");
    if (ratio < 3) faults.push(`contrast: ${ratio.toFixed(2)} of a ${drawn.getAttribute("class")}`);
  }
  return [...new Set(faults)];
}

/** What is wrong with the charts, tables and headings. Runs in the page. */
function contentFaults() {
  const faults = [];
  for (const svg of document.querySelectorAll("svg")) {
    if (!svg.closest("figure.chart")) faults.push("chart: a picture outside of a chart");
  }
  for (const figure of document.querySelectorAll("figure")) {
    const fault = (what) => faults.push(`chart: ${title}: ${what}`);
    const title = figure.querySelector("figcaption b")?.textContent ?? "";
    if (!title) fault("no title");
    const pictures = [...figure.querySelectorAll(":scope svg:not(svg svg)")];
    const table = figure.querySelector("table");
    if (!pictures.length) {
      if (!figure.querySelector("p")?.textContent) fault("neither a picture nor a sentence");
      continue;
    }
    if (!table) {
      fault("no table");
      continue;
    }
    for (const picture of pictures) {
      const box = picture.getBoundingClientRect();
      for (const path of picture.querySelectorAll("path, circle")) {
        const inner = path.getBoundingClientRect();
        const [x, y] = [box.width * 0.016 + 5, box.height * 0.016 + 5];
        if (inner.left < box.left - x || inner.right > box.right + x || inner.top < box.top - y ||
            inner.bottom > box.bottom + y) {
          fault(`a ${path.getAttribute("class")} outside of the picture`);
        }
      }
    }
    const plot = figure.querySelector(".plot");
    if (!plot) {
      const rows = [...figure.querySelectorAll("tbody tr")];
      if (rows.length !== pictures.length) fault(`${rows.length} rows, ${pictures.length} pictures`);
      for (const row of rows) {
        const known = [...row.querySelectorAll("td.n")].some((cell) => /\d/.test(cell.textContent));
        const drawn = row.querySelectorAll(".bar, .mark").length > 0;
        if (known && !drawn) fault(`"${row.cells[0].textContent}" has a number and no bar`);
      }
      continue;
    }
    const svg = plot.querySelector("svg");
    const names = (svg.getAttribute("aria-labelledby") ?? "").split(" ")
      .map((name) => document.getElementById(name));
    if (svg.getAttribute("role") !== "img" || names.length !== 2 || names[0]?.textContent !== title ||
        names[1]?.localName !== "desc") {
      fault("no name for those who cannot see it");
    }
    // The points of the picture and those of the table are the same.
    const numbers = (text) => text.split(/\s+/).filter(Boolean).map(Number);
    const listed = [...figure.querySelectorAll("tr[data-at]")].map((row) => numbers(row.dataset.at));
    const isHistogram = plot.querySelector(".area") !== null;
    const drawn = [...plot.querySelectorAll("circle")].map((dot) =>
      [dot.getAttribute("cx"), dot.getAttribute("cy")].map((at) => Math.round(parseFloat(at) * 10)));
    for (const line of plot.querySelectorAll("path.line")) {
      const shape = line.getAttribute("d");
      if (isHistogram) {
        const bins = shape.match(/H/g)?.length ?? 0;
        if (bins !== listed.length) fault(`${bins} bins, ${listed.length} rows`);
        continue;
      }
      for (const [, x, y] of shape.matchAll(/(?:[ML]|H)(-?\d+)(?:V| )(-?\d+)/g)) {
        drawn.push([Number(x), Number(y)]);
      }
    }
    const same = (row, point) => row[0] === point[0] && (row[1] ?? point[1]) === point[1];
    if (!isHistogram) {
      if (drawn.length < 2) fault("no data");
      for (const point of drawn) {
        if (!listed.some((row) => same(row, point))) fault(`point ${point} is not in the table`);
      }
      for (const row of listed) {
        if (!drawn.some((point) => same(row, point))) fault(`row ${row} is not in the picture`);
      }
    }
  }
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption?.textContent.trim()) faults.push("table: no caption");
    if (table.querySelector("th:not([scope])")) faults.push("table: a heading without scope");
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.localName[1]);
    if (next > level + 1 || (next === 1 && level > 0)) {
      faults.push(`heading: ${heading.localName} "${heading.textContent}" after level ${level}`);
    }
    level = next;
  }
  if (!document.documentElement.lang) faults.push("page: no language");
  return faults;
}

/** What is wrong for people without a pointer, and with one. */
async function keyFaults(page) {
  const faults = [];
  const plots = await page.locator(".plot").count();
  const at = () => page.evaluate(() =>
    [...document.querySelectorAll(".plot")].indexOf(document.activeElement.closest(".plot")));
  const value = (place) => page.evaluate((k) => {
    const plot = document.querySelectorAll(".plot")[k];
    const box = plot.querySelector(".value");
    const rows = [...plot.closest("figure").querySelectorAll("tr[data-at]")];
    const seen = box?.checkVisibility() ? box.textContent : "";
    const cells = (row) => [...row.cells].map((cell) => cell.textContent).filter((text) => text !== "-");
    return { seen, row: rows.findIndex((row) => cells(row).every((cell) => `${seen};`.includes(`: ${cell};`))) };
  }, place);
  const stops = await page.evaluate(() =>
    document.querySelectorAll("a, button, input, select, summary, [tabindex]").length);
  const reached = new Set();
  for (let i = 0; i <= stops && reached.size < plots; i += 1) {
    await page.keyboard.press("Tab");
    const place = await at();
    if (place < 0) continue;
    reached.add(place);
    await page.keyboard.press("Home");
    if ((await value(place)).row !== 0) faults.push(`keys: chart ${place}: no first value`);
    await page.keyboard.press("ArrowRight");
    if ((await value(place)).row !== 1) faults.push(`keys: chart ${place}: no value after an arrow key`);
    await page.keyboard.press("Escape");
    if ((await value(place)).seen) faults.push(`keys: chart ${place}: a value after Escape`);
  }
  if (reached.size < plots) faults.push(`keys: ${reached.size} of ${plots} charts are reached`);
  if (plots) {
    await page.locator(".plot").first().hover();
    if (!(await value(0)).seen) faults.push("keys: no value at the pointer");
    await page.mouse.move(0, 0);
  }
  return faults;
}

// The policy of a page would hide a request that the page asks for.
const context = await browser.newContext({ reducedMotion: "reduce", bypassCSP: true });

async function audit({ url, shots }) {
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => faults.push(`console: ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`console: ${error}`));
  await page.route("**/*", (route) => {
    const asked = route.request().url();
    if (asked === url) return route.continue();
    faults.push(`request: ${asked}`);
    return route.fulfill({ status: 204 });
  });
  // The page's script follows a new size in an observer, which runs after the next frame is laid out.
  const settled = () => page.evaluate(() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)));
  }));
  const look = async (name) => {
    await settled();
    faults.push(...(await page.evaluate(lookFaults)).map((fault) => `${name}: ${fault}`));
  };
  const openAll = (open) => page.evaluate((how) => {
    document.querySelectorAll("details").forEach((one) => { one.open = how; });
    return new Promise((done) => { requestAnimationFrame(() => setTimeout(done, 20)); });
  }, open);
  try {
    for (const [name, { width, height, colorScheme, media }] of Object.entries(MEDIA)) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ media, colorScheme });
      if (name === "desktop") {
        await page.goto(url);
        faults.push(...(await page.evaluate(contentFaults)), ...(await keyFaults(page)));
      }
      if (shots) await page.screenshot({ path: `${shots}-${name}.png`, fullPage: true });
      await look(name);
      if (name !== "phone") continue;
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate((values) =>
        window.axe.run({ runOnly: { type: "tag", values }, resultTypes: ["violations"] }), RULES);
      faults.push(...violations.map(({ id, nodes }) => `axe: ${id}: ${nodes[0].html.slice(0, 120)}`));
      await openAll(true);
      await look("phone, tables open");
      await openAll(false);
    }
    return { faults, charts: await page.locator("figure.chart").count() };
  } finally {
    await page.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const report = await audit(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
await browser.close();
