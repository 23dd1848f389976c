// The inbox against a running pbx: a visitor writes by the web chat's protocol, an
// agent answers on the page, both see it. Pictures with --shots FOLDER.
//
//   node e2e/inbox.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { launch, login, prefer } from './browser.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const url = values.url;

/** visitor is somebody at the web chat. */
async function visitor(name) {
  const answer = await fetch(`${url}/widget/session`, { method: 'POST', body: '{}' });
  const { token } = await answer.json();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/widget`);
  const seen = [];
  const waiting = [];
  socket.on('message', (raw) => {
    seen.push(JSON.parse(raw));
    for (const check of waiting) check();
  });
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  const say = (frame) => socket.send(JSON.stringify(frame));
  const until = (what, test) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`not seen: ${what}; ${JSON.stringify(seen.slice(-5))}`)), 15_000);
      const check = () => {
        if (!seen.some(test)) return;
        clearTimeout(timer);
        done();
      };
      waiting.push(check);
      check();
    });
  say({ type: 'hello', token, lang: 'zh-CN', page: `${url}/shop/kettle`, name });
  await until('welcome', (f) => f.type === 'welcome');
  return { say, until, close: () => socket.close() };
}

async function shot(page, name) {
  if (values.shots) await page.screenshot({ path: `${values.shots}/${name}.png` });
}

const mei = await visitor('Mei');
mei.say({ type: 'msg', client_msg_id: 'a', text: '你好,我的订单 A20250702001 什么时候发货?' });
await mei.until('ack', (f) => f.type === 'ack');
const anna = await visitor('Anna');
anna.say({ type: 'msg', client_msg_id: 'b', text: 'My kettle is broken. I want my money back, or a new one; the old one leaks onto the table every morning.' });
await anna.until('ack', (f) => f.type === 'ack');

for (const [language, theme] of [
  ['zh-CN', 'light'],
  ['en', 'dark'],
]) {
  const context = await launch({ viewport: { width: 1280, height: 800 } });
  await prefer(context, language, theme);
  const page = context.pages()[0] ?? (await context.newPage());
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  await login(page, url, values.user, values.password);
  await page.goto(`${url}/inbox`);
  await page.waitForSelector('.inbox-row');
  await shot(page, `inbox-list-${language}`);
  await page.locator('.inbox-row', { hasText: language === 'en' ? 'Anna' : 'Mei' }).first().click();
  await page.waitForSelector('.inbox-in');
  const who = language === 'en' ? anna : mei;
  const text = language === 'en' ? 'I am sorry. A new one leaves today.' : '今天下午发货。';
  await page.fill('.inbox-composer textarea', text);
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector(`.inbox-out:has-text("${text}")`);
  await who.until('the answer', (f) => f.type === 'msg' && f.text === text && f.from === 'agent');
  // What the customer writes comes by itself.
  who.say({ type: 'msg', client_msg_id: `c-${language}`, text: language === 'en' ? 'Thank you' : '谢谢' });
  await page.waitForSelector(`.inbox-in:has-text("${language === 'en' ? 'Thank you' : '谢谢'}")`);
  await page.keyboard.press('Control+Shift+Period');
  await page.fill('.inbox-composer textarea', language === 'en' ? 'polite customer' : '客户很客气');
  await shot(page, `inbox-note-${language}`);
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.inbox-note');
  await shot(page, `inbox-${language}`);
  await page.setViewportSize({ width: 390, height: 780 });
  await page.waitForTimeout(300);
  await shot(page, `inbox-narrow-${language}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, 'the page is wider than a narrow screen');
  assert.deepEqual(wrong, []);
  await context.close();
}
mei.close();
anna.close();
console.log('inbox: visitor and agent see the same, in both languages');
