// The contacts' pages against a real server: a person is added, found, noted, merged, taken apart, asked for
// consent, and erased with proof; in both languages nothing is untranslated and nothing runs out of the page.
//   node e2e/contacts.mjs URL USER PASSWORD [FOLDER for pictures]
import assert from 'node:assert/strict';
import { launch, login, prefer } from './browser.mjs';

const [url, user, password, folder] = process.argv.slice(2);
if (!password) {
  console.error('node e2e/contacts.mjs URL USER PASSWORD [FOLDER]');
  process.exit(2);
}

const browser = await launch({ viewport: { width: 1280, height: 860 } });
await prefer(browser, 'zh-CN', 'light');
const page = await browser.newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(error.message));
page.on('console', (message) => message.type() === 'error' && !message.text().includes('Failed to load resource') && wrong.push(message.text()));
const still = (where) => where.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running' || a.effect?.getTiming().iterations === Infinity));
const shot = async (name) => folder && (await still(page), await page.screenshot({ path: `${folder}/${name}.png` }));
const fits = async (what) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), `${what} runs out of the page`);

try {
  await login(page, url, user, password);
  const api = async (method, path, body, type = 'application/json') =>
    page.evaluate(
      async ([m, p, b, kind]) => {
        const { csrf } = await (await fetch('/api/v1/session')).json();
        const response = await fetch(`/api/v1${p}`, { method: m, headers: { 'X-CSRF-Token': csrf, ...(b ? { 'Content-Type': kind } : {}) }, body: b });
        const text = await response.text();
        if (!response.ok) throw new Error(`${m} ${p}: ${response.status} ${text}`);
        return text ? JSON.parse(text) : undefined;
      },
      [method, path, body && (typeof body === 'string' ? body : JSON.stringify(body)), type],
    );
  const tail = String(Date.now()).slice(-4);
  await api('PUT', '/contact-fields/company', { key: 'company', label_zh: '公司', label_en: 'Company', type: 'text' });
  await api('PUT', '/contact-fields/born', { key: 'born', label_zh: '生日', label_en: 'Birthday', type: 'date', private: true });
  await api('POST', '/contact-imports', `phone,email,name,language,vip,tags,company,born\n1381234${tail},lei${tail}@example.com,李雷${tail},zh,是,老客户;金卡,听心科技,1990-01-02\n1391234${tail},,Han Meimei ${tail},en,,,,\n`, 'text/csv');

  // The list: part of a name finds, masked.
  await page.goto(`${url}/contacts`);
  await page.fill('.filter-words input', `李雷${tail}`);
  await page.waitForFunction((t) => document.querySelectorAll('.contact-row').length === 1 && document.querySelector('.contact-row').textContent.includes(t), `李雷${tail}`);
  const row = await page.textContent('.contact-row');
  assert.ok(row.includes(`138****${tail}`) && !row.includes(`1381234${tail}`), `not masked: ${row}`);
  await fits('the list');
  await page.click('.contact-row');

  // The person: note, consent, whole number.
  await page.waitForSelector('.note-box');
  await page.fill('.note-box textarea', '喜欢喝茶');
  await page.click('.note-box button');
  await page.waitForSelector('.entry-note');
  await page.click('.consent-list li:nth-child(4) button');
  await page.waitForSelector('.ant-modal');
  await page.fill('.ant-modal input#proof', '表单 12');
  await page.click('.ant-modal .ant-btn-primary');
  await page.waitForSelector('.consent-list li:nth-child(4) .tag-yes');
  await page.waitForSelector('.ant-modal', { state: 'hidden' });
  await page.click('#identities ~ button');
  await page.waitForFunction((t) => document.querySelector('.identity-list').textContent.includes(`+861381234${t}`), tail);

  // The same e-mail, typed for somebody else, suggests; merged by hand, taken apart again.
  const id = Number(new URL(page.url()).pathname.split('/').pop());
  const other = await api('POST', '/contacts', { name: `Lei ${tail}`, identities: [{ kind: 'email', value: `lei${tail}@example.com` }] });
  await page.reload();
  await page.waitForSelector('.same-list .ant-btn-primary');
  await shot('contact-zh');
  await fits('the person');
  await page.click('.same-list .ant-btn-primary');
  await page.waitForSelector('.ant-modal');
  await shot('merge-zh');
  await page.click('.ant-modal .ant-btn-primary');
  await page.waitForFunction((n) => document.querySelector('.same-list')?.textContent.includes(`#${n}`), other.id);
  await page.waitForSelector('.ant-modal', { state: 'hidden' });
  await page.click('.same-list button');
  await page.waitForFunction((n) => !document.querySelector('.same-list')?.textContent.includes(`#${n}`), other.id);

  // English, dark, narrow: no key is shown as it is, nothing runs out.
  await page.evaluate(() => {
    localStorage.setItem('tingxin.language', 'en');
    localStorage.setItem('tingxin.theme', 'dark');
  });
  const dark = await browser.newPage();
  await dark.addInitScript(() => {
    localStorage.setItem('tingxin.language', 'en');
    localStorage.setItem('tingxin.theme', 'dark');
  });
  for (const [name, width] of [['wide', 1280], ['narrow', 390]]) {
    await dark.setViewportSize({ width, height: 860 });
    for (const place of ['/contacts', `/contacts/${id}`]) {
      await dark.goto(url + place);
      await dark.waitForSelector(place === '/contacts' ? '.contact-row' : '.timeline li');
      const words = await dark.evaluate(() => document.body.innerText);
      assert.ok(!/contacts\.[a-z]/i.test(words), `a key is shown: ${words.match(/contacts\.\S+/i)}`);
      assert.ok(await dark.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1), `${place} at ${width} runs out of the page`);
      if (folder) await dark.screenshot({ path: `${folder}/${place === '/contacts' ? 'contacts' : 'contact'}-en-${name}.png`, fullPage: name === 'narrow' && place !== '/contacts' });
    }
  }
  await dark.setViewportSize({ width: 1280, height: 860 });
  await dark.goto(`${url}/contacts`);
  await dark.click('.contact-actions button:first-child');
  await dark.waitForSelector('.ant-modal');
  await dark.click('.ant-modal .ant-btn-primary');
  await dark.waitForSelector('.list-row');
  if (folder) await still(dark).then(() => dark.screenshot({ path: `${folder}/lists-en.png` }));
  await dark.close();

  // Erased with proof; the list does not know the person any more.
  await page.goto(`${url}/contacts/${id}`);
  await page.click('#data ~ .list-acts .ant-btn-dangerous');
  await page.waitForSelector('.ant-modal');
  await page.fill('.ant-modal input[inputmode=numeric]', String(id));
  await shot('erase-zh');
  await page.click('.ant-modal .ant-btn-dangerous');
  await page.waitForSelector('.proof', { timeout: 20000 });
  await shot('erased-zh');
  const found = await api('GET', `/contacts?q=${encodeURIComponent(`李雷${tail}`)}`);
  assert.equal(found.items.length, 0);
  assert.deepEqual(wrong, []);
  console.log('contacts: all well');
} finally {
  await browser.close();
}
