// Walks over all pages as an agent, a supervisor and an administrator, in Chinese and English, light and dark, wide
// and narrow: every page opens, is accessible, fits, is translated, and has nothing to complain of. Takes a picture of each.
//
//   TINGXIN_URL TINGXIN_USER TINGXIN_PASSWORD   a server, an administrator
//   TINGXIN_PICTURES                            where the pictures go (build/pictures/walk)
//   ONLY=desk,tickets                           only pages whose address holds one of these
//   WHO=admin,agent LOOKS=360,dark              only as these, only in such looks
//   FURNISH=1                                   first fill the server as a working day does
//   ARTICLES=a.csv,b.jsonl                      with these articles
//
// Prints one line per page and look with something wrong, and a closing line.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { launch, prefer } from './browser.mjs';
import { furnish } from './furnish.mjs';
import { beside, still, tooWide, violations } from './tools.mjs';

const env = process.env;
const url = (env.TINGXIN_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const pictures = env.TINGXIN_PICTURES ?? join(import.meta.dirname, '..', '..', 'build', 'pictures', 'walk');
const only = env.ONLY?.split(',');
mkdirSync(pictures, { recursive: true });

const locale = (name) => JSON.parse(readFileSync(join(import.meta.dirname, '..', 'src', 'i18n', 'locales', `${name}.json`), 'utf8'));
const flat = (tree, at = '', out = {}) => {
  for (const [key, value] of Object.entries(tree)) typeof value === 'string' ? (out[at + key] = value) : flat(value, `${at}${key}.`, out);
  return out;
};
const en = flat(locale('en'));
const zh = flat(locale('zh-CN'));
const tops = new Set(Object.keys(en).map((key) => key.split('.')[0]));
/** Texts of one language that must not stand on a page of the other. */
const everywhere = new Set(['听心', '中文', 'English', 'Tingxin']);
const foreign = {
  'zh-CN': new Set(Object.keys(en).filter((key) => en[key] !== zh[key] && /^[A-Z][a-z]+ [a-z]/.test(en[key]) && !en[key].includes('{')).map((key) => en[key])),
  en: new Set(Object.keys(zh).filter((key) => en[key] !== zh[key] && /[\u4e00-\u9fff]{2}/.test(zh[key]) && !zh[key].includes('{')).map((key) => zh[key])),
};

let wrong = 0;
let walked = 0;
const say = (text) => {
  wrong++;
  console.log(`FAIL  ${text}`);
};

async function enter(page, user, password) {
  await page.goto(`${url}/login`);
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForURL((at) => !at.pathname.startsWith('/login'));
}

const settle = async (page) => {
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
  await page.waitForFunction(() => !document.querySelector('.ant-spin-spinning, .ant-skeleton-active'), null, { timeout: 4000 }).catch(() => undefined);
  await still(page, 1200);
};

/** places are the addresses that the navigation, tabs and first rows of lists lead to. */
async function places(page) {
  const here = (selector) => page.evaluate((s) => [...document.querySelectorAll(s)].map((a) => new URL(a.href, location.href)).filter((u) => u.origin === location.origin).map((u) => u.pathname + u.search), selector);
  await page.waitForSelector('nav a[href]');
  await settle(page);
  const found = new Set(await here('nav a[href]'));
  for (const path of [...found]) {
    await page.goto(url + path);
    await settle(page);
    for (const sub of await here('nav a[href], [role=tablist] a[href], .side-nav a[href], .admin-nav a[href]')) found.add(sub);
    const tabs = 'main [role=tab]:not([disabled]), main .page-head .ant-segmented-item';
    const many = await page.locator(tabs).count();
    for (let k = 0; k < Math.min(many, 16); k++) {
      await page.locator(tabs).nth(k).click({ timeout: 1000 }).catch(() => undefined);
      found.add(new URL(page.url()).pathname + new URL(page.url()).search);
    }
    // The first of each kind of detail page.
    const kinds = new Map();
    for (const sub of await here('main a[href]')) {
      const [, root, id] = sub.split(/[/?]/);
      if (id && /[0-9a-f-]{8,}|^\d+$/.test(id) && !kinds.has(root)) kinds.set(root, sub);
    }
    for (const sub of kinds.values()) found.add(sub);
  }
  const kinds = new Set();
  return [...found].filter((path) => {
    const kind = path.replace(/[0-9a-f]{8}-[0-9a-f-]{20,}|\/\d+/g, '#');
    if (kinds.has(kind) || (only && !only.some((part) => path.includes(part)))) return false;
    return kinds.add(kind);
  });
}

const name = (path) => path.replace(/[0-9a-f]{8}-[0-9a-f-]{20,}/g, 'one').replace(/^\//, '').replace(/[^a-z0-9]+/gi, '-') || 'home';

async function look(page, who, path, language, theme, width) {
  walked++;
  await page.goto(url + path);
  await settle(page);
  await judge(page, `${who} ${path} ${language} ${theme} ${width}`, language);
  const picture = (more = '') => page.screenshot({ path: join(pictures, `${name(path)}${more}-${language === 'en' ? 'en' : 'zh'}-${theme}-${width}.jpg`), type: 'jpeg', quality: 72 });
  await picture();
  // What the head of the page offers first is mostly a form.
  const form = page.locator('main :is(.page-head, .admin-head, .card-head) :is(.ant-btn, .chip):visible').filter({ hasNot: page.locator('a') }).first();
  if ((await form.count()) === 0) return;
  await form.click({ timeout: 2000 }).catch(() => undefined);
  const opened = page.locator('[role=dialog]:visible').first();
  if (!(await opened.waitFor({ timeout: 700 }).then(() => true, () => false))) return;
  walked++;
  await settle(page);
  await judge(page, `${who} ${path} (form) ${language} ${theme} ${width}`, language);
  await picture('-form');
}

/** judge says what is wrong with what is on the screen. */
async function judge(page, at, language) {
  const wide = await tooWide(page);
  if (wide > 0) say(`${at}: ${wide} px too wide`);
  for (const words of await beside(page)) say(`${at}: beside the window: ${words}`);
  for (const words of await violations(page)) say(`${at}: ${words}`);
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll('button, .chip, .tag, label, th, h1, h2, h3, [role=tab], .ant-segmented-item-label')]
      .filter((el) => el.clientWidth > 1 && el.scrollWidth > el.clientWidth + 1 && ['hidden', 'clip'].includes(getComputedStyle(el).overflowX) && getComputedStyle(el).textOverflow !== 'ellipsis' && !el.closest('.hidden') && !el.classList.contains('hidden'))
      .slice(0, 3)
      .map((el) => `${el.className || el.tagName} "${el.textContent.trim().slice(0, 30)}"`),
  );
  for (const words of cut) say(`${at}: words are cut: ${words}`);
  const texts = await page.evaluate(() => {
    const out = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!/^(SCRIPT|STYLE|TEXTAREA|CODE|PRE)$/.test(node.parentElement?.tagName ?? '')) out.push(node.data.trim());
    }
    for (const el of document.querySelectorAll('[aria-label],[placeholder],[title]')) for (const a of ['aria-label', 'placeholder', 'title']) out.push(el.getAttribute(a)?.trim() ?? '');
    return out.filter(Boolean);
  });
  for (const text of new Set(texts)) {
    if (/^[a-z][A-Za-z]*(\.[a-zA-Z_]+)+$/.test(text) && tops.has(text.split('.')[0])) say(`${at}: a key instead of words: ${text}`);
    if (foreign[language].has(text) && !everywhere.has(text)) say(`${at}: words of the other language: ${text}`);
  }
}

// Everything that has a name is made first, by an administrator.
const first = await launch({ viewport: { width: 1280, height: 800 } });
const desk = await first.newPage();
await enter(desk, env.TINGXIN_USER ?? 'admin', env.TINGXIN_PASSWORD ?? 'admin');
const { csrf } = await (await desk.request.get(`${url}/api/v1/session`)).json();
const ask = (method, path, data) => desk.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
if (env.FURNISH) await furnish(url, desk.request, ask, csrf, (env.ARTICLES ?? '').split(',').filter(Boolean).map((path) => ({ name: basename(path), bytes: readFileSync(path) })));
await first.close();

const people = [
  ['admin', env.TINGXIN_USER ?? 'admin', env.TINGXIN_PASSWORD ?? 'admin'],
  ['agent', 'lin', 'a good picture day'],
  ['supervisor', 'zhou', 'a good picture day'],
].filter(([who]) => !env.WHO || env.WHO.split(',').includes(who));
// Wide is what a browser leaves of a screen of 1366 by 768.
const looks = [
  ['zh-CN', 'light', 1366],
  ['en', 'dark', 1366],
  ['zh-CN', 'dark', 360],
  ['en', 'light', 360],
].filter((one) => !env.LOOKS || env.LOOKS.split(',').some((part) => one.map(String).includes(part)));
for (const [who, user, password] of people) {
  let paths;
  for (const [language, theme, width] of who === 'admin' ? looks : looks.slice(0, 2)) {
    const context = await launch({ viewport: { width, height: width > 500 ? 657 : 740 } });
    await prefer(context, language, theme);
    const page = await context.newPage();
    const complaints = new Set();
    // Each page opened anew asks for a telephone's ticket, which is bounded by the minute.
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !message.text().includes('429') && complaints.add(`${message.text()} at ${new URL(page.url()).pathname}`));
    page.on('pageerror', (error) => complaints.add(`${error} at ${new URL(page.url()).pathname}`));
    await enter(page, user, password).catch((error) => say(`${who}: ${error.message.split('\n')[0]}`));
    if (!paths) {
      await page.setViewportSize({ width: 1366, height: 657 }); // where all of the navigation is
      paths = await places(page);
      await page.setViewportSize({ width, height: width > 500 ? 657 : 740 });
    }
    for (const path of paths) await look(page, who, path, language, theme, width).catch((error) => say(`${who} ${path} ${language}: ${error.message.split('\n')[0]}`));
    for (const text of complaints) say(`${who} ${language} ${theme} ${width}: ${text}`);
    await context.close();
  }
  console.log(`${who}: ${paths.length} pages: ${paths.join(' ')}`);
}
console.log(`walk: ${walked} looks, ${wrong} faults`);
process.exit(wrong ? 1 : 0);
