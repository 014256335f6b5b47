// Opens a page in chromium, does what it is told to, and reports what is on the screen after each.
//
//   node page.mjs < {"url", "width", "height", "scheme", "steps", "chromium", "profile"}
//
// A step is [verb, ...words]: ["fill", label, text], ["select", label, option],
// ["check"|"uncheck", label], ["click", button], ["press", key], ["width", pixels], ["rest"] (till all
// is spoken), ["shot"|"full", file].

import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const asked = JSON.parse(await text(process.stdin));
const context = await chromium.launchPersistentContext(asked.profile, {
  executablePath: asked.chromium,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
  viewport: { width: asked.width ?? 1280, height: asked.height ?? 900 },
  colorScheme: asked.scheme ?? "light",
  reducedMotion: "reduce",
});
const page = context.pages()[0];
page.setDefaultTimeout(60_000);
const report = { requests: [], console: [], screens: [] };
page.on("request", (request) => report.requests.push(request.url()));
page.on("console", (message) => report.console.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => report.console.push(`error: ${error}`));

const labelled = (label) => page.getByLabel(label, { exact: true });
const verbs = {
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

try {
  await page.goto(asked.url);
  await page.locator("#page, #failed").filter({ visible: true }).first().waitFor();
  report.screens.push(await page.evaluate(screen));
  for (const [verb, ...words] of asked.steps ?? []) {
    await verbs[verb](...words);
    await page.locator("body:not([data-working])").waitFor();
    report.screens.push(await page.evaluate(screen));
  }
} finally {
  await context.close();
}
process.stdout.write(JSON.stringify(report));
