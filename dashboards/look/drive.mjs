// Opens pages in a browser and prints what each finds: reads {url, width, picture} as
// lines of JSON, answers each with one, and ends with its input.
//
//   node drive.mjs CHROMIUM
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [executablePath] = process.argv.slice(2);
// Nobody else's pages are opened, so the sandbox may be left out, as root has to.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--font-render-hinting=none', '--disable-gpu'] });
const context = await browser.newContext(); // one for all, which then load the script from its cache

async function look({ url, width, picture }) {
  const page = await context.newPage();
  await page.setViewportSize({ width, height: 1000 });
  const problems = [];
  page.on('pageerror', (e) => problems.push({ rule: 'error', panel: '', text: e.message }));
  try {
    await page.goto(url, { timeout: 180_000 });
    await page.waitForFunction(() => window.look, null, { timeout: 180_000 });
    const found = await page.evaluate(() => window.look);
    if (picture) {
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: picture });
    }
    return { ...found, findings: [...(found.findings ?? []), ...problems] };
  } finally {
    await page.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await look(JSON.parse(line)).catch((e) => ({ failed: e.message }));
  console.log(JSON.stringify(answer));
}
await browser.close();
