// Takes pictures of pages in one chromium, each when its page has loaded.
//
//   node take_pictures.mjs CHROMIUM < pictures.json
//
// The input is a list of {"url", "path", "width", "height", "dark", "ready"}. `ready` is a selector of
// what is seen once the page has loaded. A path that ends in .pdf gives the page on paper.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../tests/export/node/", import.meta.url));
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});

for (const { url, path, width, height, dark, ready } of JSON.parse(readFileSync(0, "utf-8"))) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
  });
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.locator(ready).filter({ visible: true }).first().waitFor();
  if (path.endsWith(".pdf")) await page.pdf({ path, format: "A4" });
  else await page.screenshot({ path });
  await page.close();
  console.log(path);
}
await browser.close();
