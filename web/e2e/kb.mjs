// The pages of articles and the help centre against a real server with the demo content:
//   pbx kb import kb/testdata/faq && node e2e/kb.mjs --url http://127.0.0.1:8080 --user admin --password ... [--shots FOLDER]
// It writes an article, tries it, publishes it, finds it in the help centre, votes, rolls back and retires it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, login, prefer } from './browser.mjs';

const { values: given } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const { url } = given;
const key = `e2e-${Date.now().toString(36)}`;

async function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
}

async function visit(language, theme, size, work) {
  const context = await launch({ viewport: size, colorScheme: theme, locale: language });
  await prefer(context, language, theme);
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !/401|404|422/.test(message.text()) && errors.push(message.text()));
  const shot = (name) => given.shots && page.screenshot({ path: join(given.shots, `${name}-${language}-${theme}-${size.width}.png`), animations: 'disabled' });
  try {
    await work(page, shot);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

async function pages(page, shot) {
  await login(page, url, given.user, given.password);
  await page.goto(`${url}/kb`);
  await page.waitForSelector('.kb-row');
  assert.equal(await overflows(page), false, 'the list is wider than the screen');
  await shot('list');
  await page.click('.kb-row >> nth=0');
  await page.waitForSelector('.kb-editor');
  await page.waitForSelector('.kb-tool');
  await page.fill('.kb-tool .ant-input', 'How long until my parcel arrives? 快递什么时候到');
  await page.press('.kb-tool .ant-input', 'Enter');
  await page.waitForSelector('.kb-decided', { timeout: 60_000 });
  await page.click('.kb-candidates summary >> nth=0');
  assert.equal(await overflows(page), false, 'the editor is wider than the screen');
  await shot('editor');
  await page.click('.ant-tabs-tab >> nth=1');
  await page.waitForSelector('.kb-warnings');
  await shot('checks');
  await page.goto(`${url}/kb/thresholds`);
  await page.waitForSelector('.kb-curve svg', { timeout: 60_000 });
  assert.equal(await overflows(page), false, 'the thresholds are wider than the screen');
  await shot('thresholds');
  for (const path of ['', '/a/ship-time', '/search?q=refund', '/c/returns']) {
    const lang = (await page.evaluate(() => document.documentElement.lang)).startsWith('zh') ? 'zh' : 'en';
    await page.goto(`${url}/help/${lang}${path}`);
    await page.waitForSelector('main');
    assert.equal(await overflows(page), false, `/help${path} is wider than the screen`);
    await shot(`help${path.replace(/\W+/g, '-')}`);
  }
}

/** lifeOf walks one article from nothing to retired. */
async function lifeOf(page, shot) {
  await login(page, url, given.user, given.password);
  await page.goto(`${url}/kb/new?lang=en`);
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByLabel('Question', { exact: true }).last().fill('Do you sell purple kettles?');
  await page.getByLabel('Answer Markdown').fill('Yes, **purple** ones too. <script>alert(1)</script>');
  await page.getByRole('button', { name: '+ Rules' }).click();
  await page.getByLabel('Rule 1: text').fill('purple kettle');
  await shot('new');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.waitForURL(/\/kb\/\d+$/);
  await page.waitForSelector('.kb-tool');
  await page.fill('.kb-tool .ant-input', 'is there a purple kettle');
  await page.press('.kb-tool .ant-input', 'Enter');
  await page.waitForSelector('.kb-decided', { timeout: 60_000 });
  assert.match(await page.textContent('.kb-decided >> nth=0'), /answers.*Contains: purple kettle/s);
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.waitForSelector('.kb-head .tag-good');
  const other = await page.context().newPage();
  await other.goto(`${url}/help/en/search?q=purple+kettle`);
  await other.click('text=Do you sell purple kettles?');
  assert.match(await other.innerText('.body'), /^Yes, purple ones too\./);
  assert.equal(await other.locator('main script').count(), 0);
  await other.click('text=Yes, solved');
  await other.waitForSelector('.thanks');
  await other.close();
  await page.getByLabel('Answer Markdown').fill('No longer.');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.waitForSelector('text=v1 is live');
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.waitForSelector('.kb-add');
  await shot('versions');
  await page.getByRole('button', { name: 'Roll back' }).click();
  await page.locator('.ant-popconfirm').getByRole('button', { name: 'Roll back' }).click();
  await page.waitForSelector('text=Version 3');
  await page.getByRole('button', { name: 'Retire' }).click();
  await page.locator('.ant-popconfirm').getByRole('button', { name: 'Retire' }).click();
  await page.waitForSelector('.kb-head .tag-poor');
  const gone = await page.request.get(`${url}/help/en/a/${key}`);
  assert.equal(gone.status(), 404);
}

await visit('en', 'light', { width: 1360, height: 860 }, lifeOf);
await visit('en', 'light', { width: 1360, height: 860 }, pages);
await visit('zh-CN', 'dark', { width: 1360, height: 860 }, pages);
await visit('zh-CN', 'light', { width: 320, height: 720 }, pages);
console.log('articles and help centre: well');
