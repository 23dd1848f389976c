// The work of an agent at the desk against a running pbx, at what a browser leaves of a screen of 1366 by 768: a call
// stands, three customers write and a ticket waits at once. One is answered, a note, a ticket out of marked text, put
// aside, a reload in the middle; the ticket is answered and resolved by keys alone. Says how long opening a conversation
// takes and how much script the desk loads.
//
//   node e2e/desktop.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import WebSocket from 'ws';
import { flags, launch, login, prefer } from './browser.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' }, opens: { type: 'string', default: '12' } } });
const url = values.url;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const agent = { username: 'desktop', password: 'three things at once', role: 'agent', name: '周宁 Ning Zhou' };

let failed = 0;
async function check(name, run) {
  const started = Date.now();
  try {
    const said = await run();
    console.log(`ok    ${name}${said ? `: ${said}` : ''} (${Date.now() - started} ms)`);
  } catch (error) {
    failed++;
    await shot(`failed-${failed}`).catch(() => undefined);
    console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n').slice(0, 4).join(' | ')}`);
  }
}

function must(truth, words) {
  if (!truth) throw new Error(words);
}

/** visitor is somebody at the web chat. */
async function visitor(name) {
  const { token } = await (await fetch(`${url}/widget/session`, { method: 'POST', body: '{}' })).json();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/widget`);
  const seen = [];
  const waiting = new Set();
  socket.on('message', (raw) => {
    seen.push(JSON.parse(raw));
    for (const look of waiting) look();
  });
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  const until = (what, test) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${name} did not see: ${what}`)), 15_000);
      const look = () => {
        if (!seen.some(test)) return;
        clearTimeout(timer);
        waiting.delete(look);
        done();
      };
      waiting.add(look);
      look();
    });
  let n = 0;
  const say = async (text) => {
    const id = `${name}${++n}`;
    socket.send(JSON.stringify({ type: 'msg', client_msg_id: id, text }));
    await until('ack', (f) => f.type === 'ack' && f.client_msg_id === id);
  };
  socket.send(JSON.stringify({ type: 'hello', token, lang: 'zh-CN', page: `${url}/shop/kettle`, name }));
  await until('welcome', (f) => f.type === 'welcome');
  return { say, seen, until, hears: (text) => until(text, (f) => f.type === 'msg' && f.from === 'agent' && f.text === text), close: () => socket.close() };
}

let page;
const shot = async (name) => {
  if (values.shots && page) await page.screenshot({ path: `${values.shots}/${name}.png`, timeout: 5000 });
};
const context = await launch({ viewport: { width: 1366, height: 657 }, permissions: ['microphone'], args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'] });
await prefer(context, 'en', 'light');
page = await context.newPage();
page.setDefaultTimeout(12_000);
page.on('dialog', (dialog) => void dialog.accept());
const complaints = new Set();
page.on('pageerror', (error) => complaints.add(String(error)));

async function accessible() {
  await page.evaluate(() => Promise.race([Promise.all(document.getAnimations().map((a) => a.finished.catch(() => undefined))), new Promise((done) => setTimeout(done, 1500))]));
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
  const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  must(grave.length === 0, grave.map((v) => `${v.id} ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`).join('; '));
}

const mark = Date.now().toString(36);
const waiting = `Kettle ${mark}`;
await login(page, url, values.user, values.password);
{
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  const added = await page.request.post(`${url}/api/v1/users`, { data: agent, headers: { 'X-CSRF-Token': csrf } });
  must([201, 409].includes(added.status()), `the agent was not added: ${added.status()}`);
  const { items } = await (await page.request.get(`${url}/api/v1/users`)).json();
  const made = await page.request.post(`${url}/api/v1/tickets`, { data: { type: 'question', subject: waiting, body: 'Steam comes out of the handle.', assignee: Number(items.find((one) => one.username === agent.username).id) }, headers: { 'X-CSRF-Token': csrf } });
  must(made.ok(), `the ticket was not made: ${made.status()}`);
  await page.request.delete(`${url}/api/v1/session`, { headers: { 'X-CSRF-Token': csrf } });
}
const mei = await visitor(`Mei ${mark}`);
await mei.say('你好,我的订单 A20250702001 什么时候发货?');
await mei.say('转人工');
const anna = await visitor(`Anna ${mark}`);
await anna.say('This is terrible, the kettle leaks again and I am furious!!');
await anna.say('I want to talk to a human');
const tom = await visitor(`Tom ${mark}`);
await tom.say('发票抬头写错了,可以重开吗?');
await tom.say('转人工');

await login(page, url, agent.username, agent.password);
await check('the first load of the desk', async () => {
  const scripts = new Set();
  const look = (response) => response.request().resourceType() === 'script' && scripts.add(response.url());
  page.on('response', look);
  await page.goto(`${url}/desk`, { waitUntil: 'commit' });
  await page.waitForSelector('.desktop .work', { timeout: 20_000 });
  page.off('response', look);
  await page.waitForLoadState('networkidle');
  const files = await Promise.all([...scripts].map(async (one) => [gzipSync(Buffer.from(await (await fetch(one)).arrayBuffer())).length, one.split('/').at(-1)]));
  const sizes = files.map(([n]) => n);
  console.log(`      ${files.sort((a, b) => b[0] - a[0]).slice(0, 14).map(([n, name]) => `${name.replace(/-.*/, '')} ${Math.round(n / 1000)}`).join(', ')}`);
  const whole = Math.round(sizes.reduce((sum, n) => sum + n, 0) / 1000);
  console.log(`      script of the desk: ${whole} kB gzip in ${sizes.length} files`);
  return `${whole} kB of script`;
});
/** inSight fails when the button that sends lies under the call bar or the navigation. */
const inSight = async (on, what = '.inbox-go') => {
  const [end, room] = await on.evaluate((selector) => {
    const below = [...document.querySelectorAll('.call-bar, .nav')].map((one) => one.getBoundingClientRect().top).filter((top) => top > 100);
    return [document.querySelector(selector).getBoundingClientRect().bottom, Math.min(window.innerHeight, ...below)];
  }, what);
  must(end <= room, `the composer ends at ${Math.round(end)} px, there is room to ${Math.round(room)}`);
};
const row = (name) => page.locator('.work-row[data-key^="chat:"]', { hasText: name });
const field = '.inbox-composer textarea';

await check('a call stands, and its words are in the middle', async () => {
  await page.waitForSelector('.phone-state[data-registration=registered]', { timeout: 20_000 });
  await page.fill('.desk-dial input', 'echo');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.bar-line[data-phase=talking]', { timeout: 20_000 });
  await page.waitForSelector('.desk-main .thread-head');
  await page.waitForSelector('.work-row[data-key^="call:"]');
});
await check('those who wait stand among the unassigned, the upset one first', async () => {
  await page.getByRole('tab', { name: 'Unassigned' }).click();
  await row(`Mei ${mark}`).waitFor({ timeout: 30_000 });
  await row(`Anna ${mark}`).waitFor({ timeout: 30_000 });
  const names = await page.locator('.work-row .work-name').allInnerTexts();
  must(names.indexOf(`Anna ${mark}`) < names.indexOf(`Mei ${mark}`), names.join(', '));
});
await check('a chat is taken while the call stands', async () => {
  await row(`Mei ${mark}`).click();
  await page.waitForSelector('.inbox-in');
  must((await page.locator('.call-bar .bar-line').count()) === 1, 'the call is gone');
  await page.keyboard.press('r');
  await page.waitForSelector(`${field}:focus`);
  await page.keyboard.type('今天下午发货。');
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('[data-letter=held]');
  await inSight(page);
  await shot('desktop-undo');
});
await check('what was sent can be taken back, and sent after all', async () => {
  await page.locator('[data-letter=held]').getByRole('button', { name: 'Undo' }).click();
  must((await page.inputValue(field)) === '今天下午发货。', 'the text did not come back');
  await page.keyboard.press('Control+Enter');
  await page.locator('[data-letter=held]').getByRole('button', { name: 'Send now' }).click();
  await mei.hears('今天下午发货。');
  await page.waitForSelector('.inbox-out:not(.inbox-unsent):has-text("今天下午发货。")');
});
await check('what should not leave is held back', async () => {
  await page.fill(field, '身份证号 11010519491231002X 已登记');
  await page.keyboard.press('Control+Enter');
  const guard = page.locator('.composer-guard');
  await guard.waitFor();
  const said = (await guard.innerText()).split('\n')[0];
  must(/1101\*+002X/.test(said) && !said.includes('19491231'), said);
  await page.fill(field, '');
  return said;
});
await check('a note names a colleague and stays inside', async () => {
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.waitForSelector(`${field}:focus`);
  await page.keyboard.type('please look @adm');
  await page.waitForSelector('.composer-mentions');
  await page.keyboard.press('Enter');
  must((await page.inputValue(field)).endsWith(`@${values.user} `), await page.inputValue(field));
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.inbox-note');
  must(!mei.seen.some((f) => f.text?.includes('please look')), 'the note went out');
});
await check('marked text becomes a ticket', async () => {
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    const text = document.querySelector('.inbox-in .inbox-text');
    const range = document.createRange();
    range.selectNodeContents(text);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  });
  await page.locator('.selection-bar').getByRole('button', { name: 'Ticket' }).click();
  const dialog = page.getByRole('dialog');
  must((await dialog.locator('input').first().inputValue()).includes('A20250702001'), 'the subject is not what was marked');
  await shot('desktop-ticket');
  await dialog.locator('.ant-btn-primary').click();
  await page.waitForSelector('.ant-message-success');
  await dialog.waitFor({ state: 'hidden' });
  return page.locator('.ant-message-success').first().innerText();
});
await check('the context says who it is and looks articles up', async () => {
  await page.getByRole('tab', { name: 'Articles' }).click();
  await page.waitForSelector('[data-desk-kb]:focus');
  await page.getByRole('tab', { name: 'Person', exact: true }).click();
  await page.waitForSelector('.context .part');
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.waitForSelector('.context .timeline li');
});
await check('all actions are in the palette, by words', async () => {
  await page.keyboard.press('Control+k');
  await page.waitForSelector('.palette-input:focus');
  await accessible();
  await shot('desktop-palette');
  await page.keyboard.type('wider context');
  await page.keyboard.press('Enter');
  await page.locator('.palette-input').waitFor({ state: 'detached' });
  must((await page.evaluate(() => localStorage.getItem('tingxin.desk.context'))) === '2', 'the panel is not wider');
});
await check('the sheet of keys has those of the page', async () => {
  await page.keyboard.press('?');
  await page.getByText('Resolve and open the next').first().waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Resolve and open the next').first().waitFor({ state: 'hidden' });
});
await check('a ticket is answered and resolved by keys, and what was begun stays while one looks at a chat', async () => {
  const ticket = page.locator('.work-row[data-key^="ticket:"]', { hasText: waiting });
  const composer = page.locator('.desk-ticket .composer textarea').first();
  const writes = async () => {
    await page.keyboard.press('r');
    await page.waitForSelector('.desk-ticket .composer textarea:focus');
  };
  await page.getByRole('tab', { name: 'Mine', exact: true }).press('Enter');
  await ticket.press('Enter');
  await composer.waitFor();
  await writes();
  await page.keyboard.type('We send you a new lid');
  await inSight(page, '.desk-ticket .composer-foot .ant-btn-primary');
  must((await page.locator('.ticket-facts').innerText()).includes(agent.name), 'the ticket does not say whose it is');
  await shot('desktop-ticket-beside');
  await page.keyboard.press('Escape');
  await page.getByRole('tab', { name: 'Unassigned' }).press('Enter');
  await row(`Tom ${mark}`).press('Enter');
  await page.waitForSelector('.inbox-in');
  await page.getByRole('tab', { name: 'Mine', exact: true }).press('Enter');
  await ticket.press('Enter');
  await composer.waitFor();
  must((await composer.inputValue()) === 'We send you a new lid', `what was begun is "${await composer.inputValue()}"`);
  await writes();
  await page.keyboard.press('End');
  await page.keyboard.type(' today.');
  await page.keyboard.press('Control+Enter');
  await page.locator('.said-agent', { hasText: 'We send you a new lid today.' }).waitFor();
  await page.waitForFunction(() => document.querySelector('.desk-ticket .composer textarea')?.value === '');
  await page.keyboard.press('Escape');
  await page.keyboard.press('e');
  await page.waitForSelector('.desk-ticket .ticket-resolved');
  must((await page.locator('.call-bar .bar-line').count()) === 1, 'the call is gone');
  await accessible();
  await row(`Mei ${mark}`).press('Enter');
  await page.waitForSelector('.inbox-in');
  await page.getByRole('tab', { name: 'Unassigned' }).press('Enter');
});
await check('a reload in the middle loses nothing', async () => {
  await page.keyboard.press('r');
  await page.fill(field, '快递单号稍后发给您。');
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('[data-letter=held]');
  const kept = page.waitForResponse((r) => r.url().endsWith('/draft') && r.request().method() === 'PUT' && r.request().postData().includes('half a'));
  await page.fill(field, 'half a sentence');
  await kept;
  await page.reload();
  await page.waitForSelector('.inbox-in');
  must((await page.inputValue(field)) === 'half a sentence', `the draft is "${await page.inputValue(field)}"`);
  await mei.hears('快递单号稍后发给您。');
  must(mei.seen.filter((f) => f.type === 'msg' && f.text === '快递单号稍后发给您。').length === 1, 'it came twice');
  await page.fill(field, '');
  await page.waitForSelector('.call-bar');
});
await check('what was begun as a note is none for the customer after a reload', async () => {
  const kept = page.waitForResponse((r) => r.url().endsWith('/draft') && r.request().method() === 'PUT' && r.request().postData().includes('"note":true'));
  await page.fill(field, 'for colleagues only');
  await page.getByRole('tab', { name: 'Note' }).click();
  await kept;
  await page.reload();
  await page.waitForSelector('.inbox-composing-note');
  must((await page.inputValue(field)) === 'for colleagues only', `the note is "${await page.inputValue(field)}"`);
  await page.fill(field, '');
  await page.getByRole('tab', { name: 'Reply' }).click();
});
await check('a picture is pasted, and is there after a reload', async () => {
  await page.evaluate(async (at) => {
    const canvas = new OffscreenCanvas(8, 8);
    canvas.getContext('2d');
    const data = new DataTransfer();
    data.items.add(new File([await canvas.convertToBlob()], 'image.png', { type: 'image/png' }));
    document.querySelector(at).dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, field);
  await page.locator('.inbox-chosen li', { hasText: 'image.png' }).waitFor();
  await page.reload();
  await page.locator('.inbox-chosen li', { hasText: 'image.png' }).waitFor();
  await page.locator('.inbox-chosen button').click();
  await page.locator('.inbox-chosen').waitFor({ state: 'detached' });
});
await check('what was read and written stays while the server is away, and a double click closes once', async () => {
  const closes = [];
  const away = (route) => route.abort();
  await page.fill(field, 'written without a server');
  await page.route('**/api/v1/conversations/**', away);
  await page.locator('.inbox-deeds').getByRole('button', { name: 'Later' }).press('Enter');
  await page.getByRole('menuitem', { name: /Tomorrow/ }).click();
  await page.locator('.ant-message-error').first().waitFor();
  must((await page.inputValue(field)) === 'written without a server', 'the composer is gone');
  await page.unroute('**/api/v1/conversations/**', away);
  await page.fill(field, '');
  page.on('request', (r) => /\/(close|reopen)$/.test(r.url()) && closes.push(r.url()));
  await page.locator('.inbox-close').dblclick();
  await page.locator('.inbox-close', { hasText: 'Open again' }).waitFor();
  must(closes.length === 1, `asked for ${closes.length} times`);
  await page.locator('.inbox-close').click();
  await page.locator('.inbox-close', { hasText: 'Close' }).waitFor();
  await page.fill(field, ''); // whoever goes on is in the field
});
await check('what is put aside stands under later', async () => {
  await page.keyboard.press('Escape');
  await page.keyboard.press('z');
  await page.getByRole('menuitem', { name: /Tomorrow/ }).click();
  await page.getByRole('tab', { name: 'Mine' }).click();
  await page.locator('.work-group', { hasText: 'Later' }).waitFor();
  await row(`Mei ${mark}`).waitFor();
});
await check('j and k walk through the list, g goes elsewhere', async () => {
  await page.getByRole('tab', { name: 'Unassigned' }).click();
  await row(`Anna ${mark}`).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.waitForURL('**/tickets');
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await page.waitForURL('**/desk');
});
await check('opening a conversation', async () => {
  const names = [`Anna ${mark}`, `Mei ${mark}`];
  await page.getByRole('tab', { name: 'All', exact: true }).click();
  for (const name of names) await row(name).waitFor();
  const took = [];
  for (let i = 0; i < Number(values.opens); i++) {
    took.push(
      await page.evaluate(async (name) => {
        const button = [...document.querySelectorAll('.work-row[data-key^="chat:"]')].find((one) => one.textContent.includes(name));
        const begun = performance.now();
        button.click();
        while (document.querySelector('.inbox-title h2')?.textContent !== name || !document.querySelector('.inbox-thread .inbox-in')) {
          if (performance.now() - begun > 4000) throw new Error(`${name} did not open: ${document.querySelector('.inbox-title h2')?.textContent}`);
          await new Promise(requestAnimationFrame);
        }
        return performance.now() - begun;
      }, names[i % 2]),
    );
  }
  took.sort((a, b) => a - b);
  const words = `median ${Math.round(took[took.length >> 1])} ms, longest ${Math.round(took.at(-1))} ms of ${took.length}`;
  console.log(`      opening a conversation: ${words}`);
  return words;
});
for (const [language, theme] of [['en', 'light'], ['zh-CN', 'dark']]) {
  await check(`${language}, ${theme}: accessible, and nothing sticks out at 1366 and 360 px`, async () => {
    await page.evaluate(([l, t]) => (localStorage.setItem('tingxin.language', l), localStorage.setItem('tingxin.theme', t)), [language, theme]);
    const other = await context.newPage(); // the other page keeps the telephone
    await prefer(context, language, theme);
    await other.setViewportSize({ width: 1366, height: 657 });
    await other.goto(page.url());
    await other.waitForSelector('.inbox-in');
    await other.waitForTimeout(500);
    const own = async (name) => {
      if (values.shots) await other.screenshot({ path: `${values.shots}/desktop-${name}-${language}-${theme}.png` });
    };
    const look = async () => {
      await other.evaluate(axe);
      const found = await other.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
      const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      must(grave.length === 0, grave.map((v) => `${v.id} ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`).join('; '));
      const wide = await other.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      must(wide <= 0, `${wide} px too wide`);
    };
    await look();
    await inSight(other);
    await own('1366');
    await other.setViewportSize({ width: 360, height: 740 });
    await other.waitForTimeout(300);
    await look();
    await inSight(other);
    await own('360');
    await other.goto(`${url}/desk`);
    await other.waitForSelector('.work-row');
    await look();
    await own('360-list');
    await other.close();
  });
}
await check('the call was there all along', async () => {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Shift+KeyX');
});
await check('the browser had nothing to complain of', () => must(complaints.size === 0, [...complaints].slice(0, 4).join(' | ')));
for (const one of [mei, anna, tom]) one.close();
await context.close();
console.log(`desktop: ${failed === 0 ? 'all held' : `${failed} failed`}`);
process.exit(failed === 0 ? 0 : 1);
