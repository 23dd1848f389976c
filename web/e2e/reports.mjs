// Reports against a running pbx that holds contacts ("pbx seed"): every report shows its figures, a number leads to
// a list of as many, the sheet has the same numbers; accessible, in both languages, light and dark, 360 px wide.
//
//   node e2e/reports.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { launch, login, prefer } from './browser.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const url = values.url;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

for (const [language, theme] of [
  ['zh-CN', 'light'],
  ['en', 'dark'],
]) {
  const context = await launch({ viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Shanghai' });
  await prefer(context, language, theme);
  const page = context.pages()[0] ?? (await context.newPage());
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  const shot = async (name) => values.shots && (await page.screenshot({ path: `${values.shots}/reports-${name}-${language}.png`, fullPage: true }));
  const clean = async (what) => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 200)}`), [], `${what}, ${language}`);
  };
  await login(page, url, values.user, values.password);
  for (const name of ['volume', 'response', 'service', 'backlog', 'bot', 'csat', 'agents', 'tickets', 'mood', 'questions']) {
    await page.goto(`${url}/reports?report=${name}&days=30&before=true`);
    await page.waitForSelector('.tile strong');
    if (name !== 'questions') await page.waitForSelector('.figures tbody tr');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, `${name} is too wide`);
    await clean(name);
    await shot(name);
  }
  await page.goto(`${url}/reports?days=30&by=channel`);
  const first = page.locator('.figures tbody tr').first().locator('button.link').first();
  await first.waitFor();
  const number = Number((await first.textContent()).replace(/\D/g, ''));
  await page.locator('.bars button').first().click();
  await page.waitForSelector('.behind-line');
  assert.equal(Number((await page.locator('.behind-total').textContent()).replace(/\D/g, '')), number, 'the list is as long as the number');
  await clean('a list');
  await shot('list');
  const csv = await page.evaluate(async (href) => (await fetch(href)).text(), await page.locator('.report-acts a').getAttribute('href'));
  assert.ok(csv.split('\n').some((line) => line.split(',')[2] === String(number)), 'the sheet has the number');
  await page.keyboard.press('Escape');
  for (const name of ['volume', 'service', 'agents']) {
    await page.setViewportSize({ width: 360, height: 780 });
    await page.goto(`${url}/reports?report=${name}&days=30&before=true`);
    await page.waitForSelector('.figures tbody tr');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, `${name} is too wide for a telephone`);
    await clean(`${name}, narrow`);
    await shot(`${name}-narrow`);
  }
  assert.deepEqual(wrong, []);
  await context.close();
}
console.log('reports: ok');
