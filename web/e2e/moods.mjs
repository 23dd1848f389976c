// Waits for an alert on the supervisor's board and on the agent's page of that call, looks at
// both, and says that it is wrong. Against a running server in which a caller gets angry.
//
//   TINGXIN_URL, TINGXIN_USER, TINGXIN_PASSWORD   as for pages.mjs
//   TINGXIN_WAIT       seconds to wait for the alert (180)
//   TINGXIN_PICTURES   where the pictures go (build/pictures)
//
// Prints one line per check; the exit status is 0 only when all held.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { launch, login, prefer } from './browser.mjs';

const env = process.env;
const url = (env.TINGXIN_URL ?? 'http://127.0.0.1:8099').replace(/\/$/, '');
const patience = Number(env.TINGXIN_WAIT ?? 180) * 1000;
const pictures = env.TINGXIN_PICTURES ?? join(import.meta.dirname, '..', '..', 'build', 'pictures');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(pictures, { recursive: true });

let failed = 0;
async function check(name, run) {
  try {
    const said = await run();
    console.log(`ok    ${name}${said ? `: ${said}` : ''}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n').slice(0, 3).join(' | ')}`);
  }
}

/** accessible fails on what axe calls serious or critical. */
async function accessible(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
  const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  if (grave.length > 0) throw new Error(grave.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`).join('; '));
}

const context = await launch({ viewport: { width: 1280, height: 800 } });
await prefer(context, 'en', 'light');
const board = await context.newPage();
await login(board, url, env.TINGXIN_USER ?? 'admin', env.TINGXIN_PASSWORD ?? 'admin');
const agent = await context.newPage();
let path = '';

await check('the board names who needs somebody, with one sentence and one action', async () => {
  await board.goto(`${url}/mood`);
  await board.waitForSelector('.need .alert-bar', { timeout: patience });
  path = await board.locator('.need:has(.alert-bar) .need-head a').first().getAttribute('href');
  await board.screenshot({ path: join(pictures, 'mood-board.png') });
  return board.locator('.need .alert-line p').first().innerText();
});
await check('the board: accessible', () => accessible(board));
await check('the agent sees the same as one slim bar', async () => {
  await agent.goto(url + path);
  await agent.waitForSelector('.thread .alert-bar');
  await agent.waitForSelector('.thread .ribbon-bar');
  const height = (await agent.locator('.thread .alert-line').boundingBox()).height;
  if (height > 60) throw new Error(`${height} px high`);
  return `${height} px, ${await agent.locator('.ribbon-bar').count()} turns on the ribbon`;
});
await check('its action shows what to say and why, by keyboard', async () => {
  await agent.locator('.alert-action').focus();
  await agent.keyboard.press('Enter');
  await agent.waitForSelector('.alert-more blockquote');
  await agent.screenshot({ path: join(pictures, 'mood-agent.png') });
  return agent.locator('.alert-why').innerText().then((text) => text.replace(/\s+/g, ' '));
});
await check('"not angry" ends it on both pages', async () => {
  if ((await agent.locator('.thread .alert-not').count()) === 0) return 'the caller calmed down first';
  await agent.click('.thread .alert-not', { timeout: 5000 });
  await agent.waitForSelector('.thread .alert-bar', { state: 'detached' });
  await board.waitForFunction((href) => !document.querySelector(`.need:has(a[href="${href}"]) .alert-bar`), path, { timeout: 10_000 });
});
await check('the agent: accessible', () => accessible(agent));

await context.close();
console.log(`moods: ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
