// Opens pages in one chromium, takes steps on each, and reports the screen after each step.
//
//   node page.mjs CHROMIUM
//
// A line of the input is a page, {"url", "width", "height", "scheme", "steps"}. It gives a line of the
// output, {"requests", "console", "screens"} or {"error"}. A step is [verb, ...words]: ["fill", label,
// text], ["select", label, option], ["check"|"uncheck", label], ["click", button], ["press", key],
// ["width", pixels], ["rest"] (until everything is spoken), ["shot"|"full", file].

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

/** Return what can be done on a page, by verb. */
function verbsOf(page) {
  const labelled = (label) => page.getByLabel(label, { exact: true });
  return {
    fill: (label, content) => labelled(label).fill(content),
    select: (label, option) => labelled(label).selectOption({ label: option }),
    check: (label) => labelled(label).check(),
    uncheck: (label) => labelled(label).uncheck(),
    click: (name) => page.getByRole("button", { name }).click(),
    press: (key) => page.keyboard.press(key),
    width: (pixels) => page.setViewportSize({ width: Number(pixels), height: 900 }),
    rest: () => page.waitForTimeout(800),
    shot: (file) => page.screenshot({ path: file }),
    full: (file) => page.screenshot({ path: file, fullPage: true }),
  };
}

/** What a person sees, with the exact numbers behind it. */
function screen() {
  const seen = (id) => document.getElementById(id)?.checkVisibility() ?? false;
  const text = (id) => document.getElementById(id).innerText.trim();
  return {
    failed: seen("failed") ? text("failed") : null,
    shown: seen("page"),
    probability: [document.getElementById("probability").value, text("probability")],
    decision: text("decision"),
    compared: text("compared"),
    doubts: text("doubts"),
    spoken: text("spoken"),
    reasons: seen("reasons")
      ? [...document.querySelectorAll("#bars li")].map((li) => [
          li.querySelector("b").innerText, li.querySelector("data").value, li.className,
        ])
      : null,
    sum: seen("reasons") ? text("sum") : null,
    together: seen("reasons") ? text("together") : null,
    origin: text("origin"),
    fields: [...document.querySelectorAll(".field")].map((field) => ({
      name: field.querySelector("label").innerText,
      value: field.querySelector("select")?.selectedOptions[0].text ?? field.querySelector("input").value,
      note: field.querySelector(".note").innerText,
      doubtful: field.classList.contains("doubtful"),
    })),
    focus: document.activeElement.getAttribute("aria-label") ??
      document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText.slice(0, 40),
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}

async function look({ url, width, height, scheme, steps }) {
  const context = await browser.newContext({
    viewport: { width: width ?? 1280, height: height ?? 900 },
    colorScheme: scheme ?? "light",
    reducedMotion: "reduce",
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const report = { requests: [], console: [], screens: [] };
    page.on("request", (request) => report.requests.push(request.url()));
    page.on("console", (message) => report.console.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => report.console.push(`error: ${error}`));
    await page.goto(url);
    await page.locator("#page, #failed").filter({ visible: true }).first().waitFor();
    report.screens.push(await page.evaluate(screen));
    for (const [verb, ...words] of steps) {
      await verbsOf(page)[verb](...words);
      await page.locator("body:not([data-working])").waitFor();
      report.screens.push(await page.evaluate(screen));
    }
    return report;
  } finally {
    await context.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const report = await look(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
await browser.close();
