// Takes a picture of every page in both languages, both themes and two widths, for looking at.
//
//   npm run build && npm run mock &
//   npm run shots [OUT]        pictures in OUT (default: /tmp/tingxin-shots)
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, login, prefer } from './browser.mjs';

const url = process.env.TINGXIN_URL ?? 'http://127.0.0.1:8099';
const user = process.env.TINGXIN_USER ?? 'admin';
const password = process.env.TINGXIN_PASSWORD ?? 'admin';
const out = process.argv[2] ?? '/tmp/tingxin-shots';
const only = process.env.ONLY?.split(',');
mkdirSync(out, { recursive: true });

const settle = (page) => page.waitForTimeout(900);

async function firstCall(page) {
  await page.goto(`${url}/calls?state=ended`);
  await page.waitForSelector('.archive-row');
  return page.locator('.archive-row:has(.archive-disc):has(.tag-words-done)').first().getAttribute('href');
}

const pages = {
  login: async (page) => page.goto(`${url}/login`),
  live: async (page) => page.goto(`${url}/live`),
  thread: async (page) => {
    await page.goto(`${url}/live`);
    const link = await page.locator('.call-card.call-active .call-who').last().getAttribute('href');
    await page.goto(url + link);
    await page.waitForSelector('.bubble');
  },
  calls: async (page) => page.goto(`${url}/calls`),
  search: async (page) => page.goto(`${url}/calls?q=${encodeURIComponent('退款')}`),
  call: async (page) => {
    await page.goto(url + (await firstCall(page)));
    await page.waitForSelector('.transcript .w');
    await page.click('.player-play');
    await page.waitForSelector('.w.lit');
    await page.click('.player-play');
  },
  mood: async (page) => {
    await page.goto(`${url}/mood`);
    await page.waitForSelector('.mood-chart', { timeout: 8000 });
  },
  system: async (page) => {
    await page.goto(`${url}/system`);
    await page.waitForSelector('.chart svg', { timeout: 8000 });
  },
  account: async (page) => page.goto(`${url}/settings`),
  users: async (page) => page.goto(`${url}/settings?tab=users`),
  retention: async (page) => page.goto(`${url}/settings?tab=retention`),
};

for (const [language, theme, width] of [
  ['zh-CN', 'light', 1440],
  ['en', 'dark', 1440],
  ['zh-CN', 'dark', 390],
  ['en', 'light', 390],
  ['zh-CN', 'light', 360],
]) {
  const context = await launch({ viewport: { width, height: width > 500 ? 900 : 844 }, deviceScaleFactor: width > 500 ? 1 : 2 });
  await prefer(context, language, theme);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await login(page, url, user, password);
  for (const [name, open] of Object.entries(pages)) {
    if (only && !only.includes(name)) continue;
    try {
      await open(page);
      await settle(page);
    } catch (error) {
      console.log(`${name} ${language} ${width}: ${String(error).split('\n')[0]}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) console.log(`${name} ${language} ${width}: ${wide} px too wide`);
    await page.screenshot({ path: join(out, `${name}-${language}-${theme}-${width}.png`) });
  }
  for (const text of new Set(complaints)) console.log(`${language} ${width}: ${text}`);
  await context.close();
}
