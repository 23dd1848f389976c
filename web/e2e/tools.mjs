// What the checks of the pages share: one line per check, and what every page must be.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** must fails the check that it stands in. */
export function must(truth, words) {
  if (!truth) throw new Error(words);
}

/** until asks again and again until the answer is true, at most `limit` ms. */
export async function until(words, ask, limit = 10_000) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${words}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** still waits for what fades and slides, whose colours and places are judged when it has come to rest; what turns for ever is not waited for. */
export const still = (page, limit = 2000) =>
  page.evaluate((ms) => {
    const ending = document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity);
    return Promise.race([Promise.all(ending.map((a) => a.finished.catch(() => undefined))), new Promise((done) => setTimeout(done, ms))]);
  }, limit);

/** violations are what axe calls serious or critical on a page, in words. */
export async function violations(page) {
  await still(page);
  // Rows out of sight are not laid out; measured as they are, they would be too small.
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { content-visibility: visible !important }');
    document.adoptedStyleSheets = [sheet];
  });
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
  return found.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id} ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + (n.any[0]?.data?.contrastRatio ? ` ${n.any[0].data.contrastRatio}` : '')).join(', ')}`);
}

/** accessible fails on what axe calls serious or critical. */
export async function accessible(page) {
  const grave = await violations(page);
  must(grave.length === 0, grave.join('; '));
}

/** tooWide is by how much a page is wider than its window, px. */
export const tooWide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** beside are fields and buttons that stand beside the window, in words: what hides its overflow is not too wide itself. */
export const beside = (page) =>
  page.evaluate(() => {
    // A sheet of ours scrolls down, never sideways.
    const scrolls = (el) => el && !el.matches('.ant-drawer-body, .ant-modal-wrap') && (['auto', 'scroll'].includes(getComputedStyle(el).overflowX) || scrolls(el.parentElement));
    return [...document.querySelectorAll('input:not([type=hidden]), textarea, button, .ant-select')]
      .filter((el) => {
        const box = el.getBoundingClientRect();
        return el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1 && box.top < innerHeight && box.right > innerWidth + 1 && !scrolls(el.parentElement);
      })
      .slice(0, 3)
      .map((el) => `${el.tagName.toLowerCase()} "${(el.getAttribute('aria-label') ?? el.id ?? '').slice(0, 30)}" of ${el.className.slice(0, 40)}`);
  });

export async function noOverflow(page) {
  const wide = await tooWide(page);
  must(wide <= 0, `${wide} px too wide`);
}

/** makeTools are the helpers that the parts of the checks are called with; counts says how many held, and which. */
export function makeTools({ url, user, password, pictures }) {
  const counts = { passed: 0, failed: 0, checks: [] };
  /** check runs one check and goes on whatever it says. */
  const check = async (name, run) => {
    const started = Date.now();
    try {
      const said = await run();
      counts.passed++;
      counts.checks.push({ name, failure: '' });
      console.log(`ok    ${name}${said ? `: ${said}` : ''} (${Date.now() - started} ms)`);
    } catch (error) {
      const failure = String(error?.message ?? error).split('\n').slice(0, 4).join(' | ');
      counts.failed++;
      counts.checks.push({ name, failure });
      console.log(`FAIL  ${name}: ${failure}`);
    }
  };
  const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  return { url, user, password, pictures, counts, check, picture, must, until, accessible, noOverflow };
}

/** staff is a page behind the login, and the API as it asks. */
export async function staff(context, { url, user, password, patience = 10_000 }) {
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  await page.goto(`${url}/login`);
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForSelector('.shell');
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  const ask = (method, path, data) => page.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
  return { page, ask, csrf };
}
