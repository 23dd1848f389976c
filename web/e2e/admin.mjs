// What administrators do: numbers with their mistakes told by field, a flow from text to live, a
// wallboard by its token. Against a server; the mock keeps no settings.
import { launch, login, prefer } from './browser.mjs';
import { beside, still } from './tools.mjs';

const flow = `flow: e2e-hello
version: 1
nodes:
  - id: hello
    say: "Hello"
  - id: end
    hangup: true
`;

/** adminChecks runs the checks with the helpers of pages.mjs. */
export async function adminChecks({ url, user, password, check, must, until, accessible, noOverflow }) {
  const context = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(context, 'en', 'light');
  const page = await context.newPage();
  await login(page, url, user, password);
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  const ask = (method, path, data) => page.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
  if ((await ask('GET', '/settings/flows/none/versions')).status() !== 404 || (await ask('GET', '/settings/codecs')).headers()['x-mock']) {
    await context.close();
    return;
  }
  const clean = async () => {
    for (const path of ['/settings/numbers/e2e-line', '/settings/flows/e2e-hello']) await ask('DELETE', path);
  };
  await clean();

  for (const section of ['numbers', 'flows', 'prompts', 'hours', 'trunks', 'outbound', 'media', 'alert-rules', 'kiosks', 'import', 'audit']) {
    await check(`administration, ${section}: accessible, at 1280 and 360 px`, async () => {
      await page.goto(`${url}/admin/${section}`);
      await page.waitForSelector('.admin-head h2');
      await page.waitForTimeout(300);
      await accessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      try {
        await noOverflow(page);
      } finally {
        await page.setViewportSize({ width: 1280, height: 860 });
      }
    });
  }
  await check('forms of a phone: all fields stand on it, and the focus comes back', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    try {
      for (const [path, button] of [['/admin/hours', '.admin-head .ant-btn-primary'], ['/admin/trunks', '.admin-head .ant-btn-primary'], ['/kb/snippets', '.page-end']]) {
        await page.goto(url + path);
        await page.locator(button).click();
        await page.waitForSelector('[role=dialog] input');
        await still(page);
        const off = await beside(page);
        must(off.length === 0, `${path}: ${off.join('; ')}`);
        await page.keyboard.press('Escape');
        await until(`${path}: the focus is at the button again`, () => page.evaluate((to) => document.activeElement?.matches(to), button));
      }
    } finally {
      await page.setViewportSize({ width: 1280, height: 860 });
    }
  });
  await check('a mistake in a setting is told beside its field', async () => {
    await page.goto(`${url}/admin/numbers`);
    await page.getByRole('button', { name: 'Add number' }).first().click();
    await page.fill('.ant-drawer input#name', 'e2e-line');
    await page.click('.ant-drawer #numbers');
    await page.keyboard.type('4*7');
    await page.keyboard.press('Enter');
    await page.click('.ant-drawer #flow');
    await page.keyboard.type('default');
    await page.keyboard.press('Enter');
    await page.locator('.ant-drawer-footer .ant-btn-primary').click();
    await page.waitForSelector('.ant-form-item-has-error:has-text("Numbers"):has-text("not written as it must be")');
    await accessible(page);
    await page.click('.ant-drawer #numbers');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('4747');
    await page.keyboard.press('Enter');
    await page.locator('.ant-drawer-footer .ant-btn-primary').click();
    await page.waitForSelector('.ant-drawer', { state: 'detached' });
    await page.waitForSelector('.admin-row:has-text("e2e-line")');
  });
  await check('a flow: mistakes at their line while typing, a picture, a dry run, live', async () => {
    await page.goto(`${url}/admin/flows`);
    await page.getByRole('button', { name: 'New flow' }).click();
    await page.fill('.ant-modal input#name', 'e2e-hello');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/admin/flows/e2e-hello');
    await page.waitForSelector('.flow-box');
    await page.fill('.code-text', flow.replace('end\n', 'end\n    next: nowhere\n'));
    await page.waitForSelector('.code-bad');
    must((await page.locator('.code-bad').first().innerText()) === '7', 'another line is marked');
    await page.fill('.code-text', flow);
    await until('two boxes', async () => (await page.locator('.flow-box').count()) === 2);
    await page.fill('.flow-say input', 'one');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.flow-seen');
    await accessible(page);
    await page.getByRole('button', { name: 'Make live' }).click();
    await page.waitForSelector('.tag:has-text("live: version 1")');
    must(!(await page.locator('.flow-state').innerText()).includes('draft'), 'the draft stays');
  });
  await check('the picture moves by keys', async () => {
    const before = await page.locator('.flow-svg > g').getAttribute('transform');
    await page.focus('.flow-view');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('+');
    must((await page.locator('.flow-svg > g').getAttribute('transform')) !== before, 'it does not');
  });
  await check('what somebody needs cannot be removed', async () => {
    await ask('PUT', '/settings/numbers/e2e-line', { doc: { numbers: ['4747'], flow: 'e2e-hello' } });
    await page.goto(`${url}/admin/flows`);
    await page.getByRole('button', { name: 'Remove: e2e-hello' }).click();
    await page.locator('.ant-popconfirm-buttons .ant-btn-primary').click();
    await page.waitForSelector('.ant-message:has-text("needs it")');
  });
  await check('a wallboard shows figures by its token alone, and goes dark when it is revoked', async () => {
    const { id, token } = await (await ask('POST', '/kiosks', { name: 'e2e hall' })).json();
    const hall = await launch({ viewport: { width: 1280, height: 720 } });
    try {
      await prefer(hall, 'en', 'dark');
      const wall = await hall.newPage();
      await wall.goto(`${url}/wall#${token}`);
      await wall.waitForSelector('.wall-tile');
      must((await wall.locator('h1').innerText()) === 'e2e hall', 'another name');
      const tall = await wall.locator('.wall-value').first().evaluate((e) => parseFloat(getComputedStyle(e).fontSize) / innerHeight);
      must(tall >= 0.12, `figures are ${tall} of the height`);
      await accessible(wall);
      must((await wall.request.get(`${url}/api/v1/queues/board`)).status() === 401, 'it has a login');
      await ask('DELETE', `/kiosks/${id}`);
      await wall.waitForSelector('.wall-refused');
    } finally {
      await hall.close();
    }
  });
  await clean();
  await context.close();
}
