// The pages of agents' help against a real server:
//   node e2e/assist.mjs --url http://127.0.0.1:8080 --user admin --password ... [--shots FOLDER]
// It writes a snippet and a script in the pages, makes a ticket and looks at every page in both languages, themes and widths.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, login, prefer } from './browser.mjs';

const { values: given } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const { url } = given;
const name = `e2e${Date.now().toString(36)}`;

async function visit(language, theme, size, work) {
  const context = await launch({ viewport: size, colorScheme: theme, locale: language });
  await prefer(context, language, theme);
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !/401|404|422/.test(message.text()) && errors.push(message.text()));
  const shot = (what) => given.shots && page.screenshot({ path: join(given.shots, `assist-${what}-${language}-${theme}-${size.width}.png`), animations: 'disabled' });
  try {
    await login(page, url, given.user, given.password);
    await work(page, shot);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

/** write makes a snippet and a script by hand. */
async function write(page, shot) {
  await page.goto(`${url}/kb/snippets`);
  await page.getByRole('button', { name: 'New snippet' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Shortcut').fill(name);
  await form.getByLabel('Title', { exact: true }).fill('A greeting');
  await form.getByLabel('Text', { exact: true }).fill('Hello {{contact.name}}, {{nobody}}');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('there is no variable').waitFor();
  await form.getByLabel('Text', { exact: true }).fill('Hello {{contact.name}}, this is {{agent.name}}.');
  await shot('snippet-form');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.waitForSelector(`code:text("/${name}")`);

  await page.goto(`${url}/kb/scripts`);
  await page.getByRole('button', { name: 'New script' }).click();
  await page.getByLabel('Title', { exact: true }).fill('Returns');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Title of step 1').fill('Greet');
  await page.getByLabel('Words of step 1').fill('Hello, my name is {{agent.name}}.');
  await page.getByRole('button', { name: 'Add an item' }).click();
  await page.getByLabel('Item 1', { exact: true }).fill('Say your name');
  await page.getByLabel('Phrases of item 1').fill('my name is, /this is \\w+/');
  await page.getByRole('button', { name: 'Add a step' }).click();
  await page.getByLabel('Title of step 2').fill('Check the order');
  await shot('script-form');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForSelector(`code:text("${name}")`);
  await page.locator('.assist-row', { hasText: name }).click();
  assert.equal(await page.getByLabel('Phrases of item 1').inputValue(), 'my name is, /this is \\w+/');
}

async function look(page, shot) {
  for (const tab of ['snippets', 'scripts', 'suggestions', 'unanswered', 'health', 'practice', '']) {
    await page.goto(`${url}/kb${tab && `/${tab}`}`);
    await page.waitForSelector('.tab-here');
    await page.waitForFunction(() => !document.querySelector('.waiting'));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1), false, `/kb/${tab} is wider than the screen`);
    await shot(tab || 'articles');
  }
}

await visit('en', 'light', { width: 1360, height: 860 }, write);
await visit('zh-CN', 'dark', { width: 1360, height: 860 }, look);
await visit('en', 'light', { width: 360, height: 760 }, look);
console.log('help for agents: well');
