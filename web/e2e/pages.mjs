// Drives the pages in a real Chromium against a running server, from the login to
// the words that light up while the recording plays.
//
//   TINGXIN_URL        the server (default: the mock's http://127.0.0.1:8099)
//   TINGXIN_USER       an administrator (admin)
//   TINGXIN_PASSWORD   (admin)
//   TINGXIN_CALL       a command that places one call of at least 15 s with speech; without it one must come by itself
//   TINGXIN_WAIT       seconds to wait for that call, and for its end (120)
//   TINGXIN_PICTURES   where the pictures go (build/pictures)
//   TINGXIN_REPORT     a file for the outcome of each check, as JSON (none)
//
// Prints one line per check; the exit status is 0 only when all held.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, prefer } from './browser.mjs';
import { adminChecks } from './admin.mjs';
import { callOutChecks } from './callouts.mjs';
import { deskChecks } from './desk.mjs';
import { feedbackChecks } from './feedback.mjs';
import { reportChecks } from './reports.mjs';
import { ruleChecks } from './rules.mjs';
import { teamChecks } from './teams.mjs';
import { makeTools } from './tools.mjs';
import { widgetChecks } from './widget.mjs';

const env = process.env;
const url = (env.TINGXIN_URL ?? 'http://127.0.0.1:8099').replace(/\/$/, '');
const user = env.TINGXIN_USER ?? 'admin';
const password = env.TINGXIN_PASSWORD ?? 'admin';
const patience = Number(env.TINGXIN_WAIT ?? 120) * 1000;
const pictures = env.TINGXIN_PICTURES ?? join(import.meta.dirname, '..', '..', 'build', 'pictures');
const tools = makeTools({ url, user, password, pictures });
const { counts, check, picture, must, until, accessible, noOverflow } = tools;

mkdirSync(pictures, { recursive: true });
const context = await launch({ viewport: { width: 1280, height: 800 } });
await prefer(context, 'en', 'light');
const page = await context.newPage();
const complaints = new Set();
// Expected: a 401 before the login, and a 404 for the words or the mood of a call that rang so lately that its row is not written yet (asked again after a second).
const expected = /status of 401|status of 404.*\/(transcript|emotion)$/;
page.on('console', (m) => {
  const text = `${m.text()} ${m.location().url}`;
  if (m.type() === 'error' && !expected.test(text)) complaints.add(text);
});
page.on('pageerror', (e) => complaints.add(String(e)));
const sockets = new Set();
await page.routeWebSocket(/\/api\/v1\/realtime/, (socket) => {
  socket.connectToServer();
  sockets.add(socket);
});

await check('a page behind the login leads to the login', async () => {
  await page.goto(`${url}/calls`);
  await page.waitForURL('**/login**');
  await picture(page, 'login');
});
await check('login: accessible', () => accessible(page));
await check('a wrong password is one clear sentence', async () => {
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', 'certainly wrong');
  await page.click('button[type=submit]');
  return page.locator('.login-error').innerText();
});
await check('logging in leads to where one wanted to go', async () => {
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForURL('**/calls');
});
await check('the types of the pages are of this server', async () => {
  const answer = await page.request.get(`${url}/api/v1/openapi.json`);
  if (!answer.ok()) return 'the server has no document';
  const copy = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'openapi.json'), 'utf8'));
  must(JSON.stringify((await answer.json()).components) === JSON.stringify(copy.components), 'run: bin/pbx openapi > web/openapi.json && npm run types');
});
await check('the connection is up', async () => {
  await page.goto(`${url}/live`);
  await page.waitForSelector('.link-online');
});

let caller;
if (env.TINGXIN_CALL) caller = spawn('/bin/bash', ['-c', env.TINGXIN_CALL], { stdio: 'ignore', detached: true });

let callId = '';
await check('a running call appears in the list', async () => {
  // The newest: its words are still to come.
  const link = page.locator('.call-card:not(.call-ended) .call-who').first();
  await link.waitFor({ timeout: patience });
  callId = (await link.getAttribute('href')).split('/').at(-1);
  await link.click();
  await page.waitForSelector('.thread-head');
});

await check('words grow while they are spoken', async () => {
  const seen = [];
  await until(
    'a growing text',
    async () => {
      const text = await page.evaluate(() => document.querySelector('.growing')?.textContent ?? '');
      if (text && text !== seen.at(-1)) seen.push(text);
      return seen.some((t, i) => i > 1 && t.length > seen[i - 1].length && seen[i - 1].length > seen[i - 2].length);
    },
    patience,
  );
  return `"${seen.at(-1)}"`;
});

await check('words settle when final', async () => {
  const before = await page.locator('.settled').count();
  await until('a settled utterance', async () => (await page.locator('.settled').count()) > before, patience);
  return `"${await page.locator('.settled').last().innerText()}"`;
});

await check('what was missed while the connection was away is there afterwards', async () => {
  const before = await page.locator('.settled').count();
  for (const socket of sockets) await socket.close({ code: 3001, reason: 'cut by the test' });
  sockets.clear();
  await page.waitForSelector('.link-connecting');
  await page.waitForSelector('.link-online', { timeout: 20_000 });
  await until('nothing lost', async () => (await page.locator('.settled').count()) >= before);
  return `${await page.locator('.settled').count()} utterances`;
});
await check('a picture of the talk while it grows', async () => {
  await until('some words more', async () => (await page.locator('.settled').count()) >= 4 && (await page.evaluate(() => (document.querySelector('.growing')?.textContent.length ?? 0) > 24)), 25_000);
  await picture(page, 'live');
});
await check('live: accessible', () => accessible(page));

await check('the end of the call leads to the archive', async () => {
  await page.waitForSelector('.thread-ended a, .empty a', { timeout: patience });
  await page.locator('.thread-ended a, .empty a').first().click();
  await page.waitForURL(`**/calls/${callId}`);
  await page.waitForSelector('.transcript .w', { timeout: 20_000 });
  return `${await page.locator('.transcript .w').count()} words`;
});

const position = () => page.locator('.player-bar').inputValue().then(Number);

await check('the recording plays', async () => {
  await page.waitForSelector('.player-play', { timeout: 20_000 });
  await page.click('.player-play');
  await until('the clock runs', async () => (await position()) > 400);
});

await check('the words light up in step', async () => {
  // Read inside the page, in one go: the lit words and the moment belong together.
  const sample = () =>
    page.evaluate(() => ({
      at: Number(document.querySelector('.player-bar').value),
      lit: [...document.querySelectorAll('.w.lit')].map((w) => ({ text: w.textContent, start: Number(w.dataset.start), end: Number(w.dataset.end) })),
    }));
  const heard = new Map();
  const off = [];
  await until(
    'five words lit',
    async () => {
      const { at, lit } = await sample();
      for (const word of lit) {
        // The bar moves in steps of 100 ms, a word stays lit for 140 ms.
        off.push(Math.max(word.start - (at + 100), at - word.end - 140, 0));
        heard.set(word.start, word.text);
      }
      return heard.size >= 5;
    },
    patience,
  );
  // One frame that a busy browser painted late is no word out of step.
  const late = off.filter((ms) => ms > 150);
  must(late.length * 10 <= off.length, `words were lit up to ${Math.max(0, ...late)} ms beside their time, in ${late.length} of ${off.length} looks`);
  await picture(page, 'call');
  return [...heard.values()].join(' ');
});

await check('space pauses, j and k go from utterance to utterance', async () => {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('Space');
  await until('paused', async () => (await page.locator('.player-play').getAttribute('aria-label')) === 'Play');
  const from = await position();
  await page.keyboard.press('KeyJ');
  await until('moved on', async () => (await position()) > from);
  const there = await position();
  await page.keyboard.press('KeyK');
  await until('moved back', async () => (await position()) < there);
});

await check('a click on a word plays from there', async () => {
  const words = page.locator('.transcript .w');
  const word = words.nth(Math.floor((await words.count()) / 2));
  const start = Number(await word.getAttribute('data-start'));
  await word.click();
  await until('it plays from the word', async () => {
    const at = await position();
    return at >= start - 100 && at < start + 1500;
  });
  await page.waitForSelector('.w.lit');
  const text = await word.innerText();
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('Space');
  return `"${text}" at ${start} ms`;
});

await check('a bar of the ribbon plays that turn, arrow keys walk along it', async () => {
  const bars = page.locator('.ribbon button');
  if ((await bars.count()) === 0) return 'no voice was read in this call';
  await bars.last().focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await until('it plays', async () => (await page.locator('.player-play').getAttribute('aria-label')) === 'Pause');
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('Space');
  return `${await bars.count()} turns, the first: ${await bars.first().getAttribute('title')}`;
});

await check('the raw words and the formatted ones', async () => {
  const text = () => page.locator('.transcript').innerText();
  const formatted = await text();
  await page.getByText('As heard').click();
  await until('the raw words', async () => (await text()) !== formatted);
  await page.getByText('Formatted').click();
});
await check('call: accessible', () => accessible(page));

await check('a search finds the call by a word that was said', async () => {
  const said = await page.locator('.transcript .line-text').allInnerTexts();
  const word = said.join(' ').match(/[A-Za-z]{5,}|[\u4e00-\u9fff]{2}/g)?.sort((a, b) => b.length - a.length)[0];
  must(word, 'the call has no word to search for');
  await page.goto(`${url}/calls`);
  await page.locator('.filter-words input').fill(word);
  await page.waitForSelector('.archive-row mark');
  must((await page.locator(`.archive-row[href*="${callId}"]`).count()) === 1, `"${word}" does not find the call`);
  await picture(page, 'search');
  await page.locator(`.archive-row[href*="${callId}"]`).click();
  await page.waitForSelector('.finder-count');
  return `"${word}", ${await page.locator('.finder-count').innerText()}`;
});

await check('the archive: accessible', async () => {
  await page.goto(`${url}/calls`);
  await page.waitForSelector('.archive-row');
  await picture(page, 'calls');
  await accessible(page);
});

await check('the mood page', async () => {
  await page.goto(`${url}/mood`);
  await page.waitForSelector('#report-title');
  await page.waitForSelector('.mood-chart, .mood-empty', { timeout: 15_000 });
  await accessible(page);
});

await check('the system page', async () => {
  await page.goto(`${url}/system`);
  await page.waitForSelector('.chart svg', { timeout: 15_000 });
  await accessible(page);
});

await check('users and retention: accessible', async () => {
  await page.goto(`${url}/settings?tab=users`);
  await page.waitForSelector('.user-row');
  await accessible(page);
  await page.goto(`${url}/settings?tab=retention`);
  await page.waitForSelector('.settings-form input');
  await accessible(page);
});

await check('Chinese and dark are a click away, and remembered', async () => {
  await page.goto(`${url}/live`);
  await page.click('.language');
  await until('Chinese', async () => (await page.locator('h1').first().innerText()) === '实时通话');
  must((await page.evaluate(() => document.documentElement.lang)) === 'zh-CN', 'lang is not zh-CN');
  must((await page.evaluate(() => localStorage.getItem('tingxin.language'))) === 'zh-CN', 'not remembered');
  await page.locator('.top-end button[title="外观"]').click();
  await page.getByText('深色').click();
  await until('dark', async () => (await page.evaluate(() => document.documentElement.dataset.theme)) === 'dark');
  must((await page.evaluate(() => localStorage.getItem('tingxin.theme'))) === 'dark', 'not remembered');
});

for (const [path, selector] of [['/live', '.live-list'], [`/calls/${callId}`, '.transcript .w'], ['/calls', '.archive-row'], ['/mood', '#report-title'], ['/queues', 'main h1'], ['/system', '.tile'], ['/settings', '.settings-form'], ['/settings?tab=users', '.user-row'], ['/settings?tab=queues', 'main h1'], ['/settings?tab=agents', 'main h1']]) {
  await check(`360 px, Chinese, dark: ${path.replace(callId, 'ID')}`, async () => {
    const phone = await context.newPage();
    try {
      // Later scripts win: this page remembers otherwise than the context.
      await prefer(phone, 'zh-CN', 'dark');
      await phone.setViewportSize({ width: 360, height: 740 });
      await phone.goto(url + path);
      await phone.waitForSelector(selector, { timeout: 15_000 });
      await phone.waitForTimeout(400);
      await noOverflow(phone);
      await accessible(phone);
      if (path.endsWith(callId)) await picture(phone, 'phone');
    } finally {
      await phone.close();
    }
  });
}

// Before work waits that would be offered to the agent of the list.
await callOutChecks(tools);
await deskChecks(tools);
// None of these listens to sound: they may share the machine.
// What the widget says of waiting follows from queues, hours and rules, which the others change.
await widgetChecks({ ...tools, pictures: '' });
await Promise.all([reportChecks(tools).then(() => feedbackChecks(tools)), adminChecks(tools).then(() => ruleChecks(tools)).then(() => teamChecks(tools))]);

await check('logging out', async () => {
  await page.goto(`${url}/live`);
  await page.locator('.top-end .round').last().click();
  await page.locator('.ant-dropdown-menu-item').last().click();
  await page.waitForURL('**/login**');
  await page.goto(`${url}/live`);
  await page.waitForURL('**/login**');
});

await check('the browser had nothing to complain of', () => must(complaints.size === 0, [...complaints].slice(0, 5).join(' | ')));

if (caller?.exitCode === null) process.kill(-caller.pid, 'SIGTERM');
await context.close();
if (env.TINGXIN_REPORT) writeFileSync(env.TINGXIN_REPORT, JSON.stringify(counts.checks));
console.log(`pages: ${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
