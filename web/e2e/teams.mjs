// Teams, what each role sees, and lists that leave the house.
// Against a server: node e2e/teams.mjs URL USER PASSWORD [folder for pictures].
import { launch, prefer } from './browser.mjs';

const [url, user, password, folder] = process.argv.slice(2);
let failed = 0;
const must = (ok, what) => {
  if (ok) return console.log(`ok    ${what}`);
  failed++;
  console.log(`FAIL  ${what}`);
};

async function signIn(page, name, secret) {
  await page.goto(`${url}/login`);
  await page.fill('input[name=username]', name);
  await page.fill('input[name=password]', secret);
  await page.click('button[type=submit]');
  await page.waitForSelector('.shell');
}

const shot = async (page, name) => folder && page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });

const browser = await launch({ viewport: { width: 1280, height: 900 } });
const admin = await browser.newPage();
await prefer(browser, 'en', 'light');
await signIn(admin, user, password);
const { csrf } = await (await admin.request.get(`${url}/api/v1/session`)).json();
const ask = (method, path, data) => admin.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
const name = `e2e-${Date.now().toString(36)}`;
const own = 'correct horse battery staple';
await ask('POST', '/users', { username: `${name}-lead`, password: own, role: 'supervisor' });
await ask('POST', '/tickets', { type: 'question', subject: `${name} of nobody` });

try {
  await admin.goto(`${url}/admin/teams`);
  await admin.waitForSelector('.teams-rule');
  await admin.getByRole('button', { name: 'Add a team' }).click();
  await admin.getByLabel('ID').fill(name);
  await admin.getByLabel('Name').fill(`Team ${name}`);
  await admin.getByLabel('Members').click();
  await admin.keyboard.type(`${name}-lead`);
  await admin.keyboard.press('Enter');
  await admin.keyboard.press('Escape');
  await shot(admin, 'teams-form-en');
  await admin.getByRole('button', { name: 'Save', exact: true }).click();
  await admin.getByText(`${name}-lead`).first().waitFor();
  must(true, 'a team is made on the page');

  const tickets = admin.getByLabel('Supervisor: Tickets');
  await tickets.click({ force: true });
  await admin.locator('.ant-select-item-option', { hasText: "Own team's" }).last().click();
  await admin.waitForFunction(async () => {
    const { items } = await (await fetch('/api/v1/role-rules')).json();
    return items.find((one) => one.role === 'supervisor').reach.tickets === 'team';
  });
  must(true, 'how far a role sees is set on the page');
  await shot(admin, 'teams-en');

  const other = await launch({ viewport: { width: 1280, height: 900 } });
  await prefer(other, 'en', 'light');
  const lead = await other.newPage();
  await signIn(lead, `${name}-lead`, own);
  await lead.goto(`${url}/tickets`);
  await lead.waitForSelector('.page-head');
  const seen = await (await lead.request.get(`${url}/api/v1/tickets?q=${name}`)).json();
  must(seen.items.length === 0, 'a lead does not see what is no work of the team');
  await lead.getByRole('button', { name: /Export|导出/ }).click();
  await lead.locator('.ant-modal .lists-part').waitFor();
  await shot(lead, 'export');
  await other.close();

  for (const [language, theme, width] of [['zh-CN', 'light', 1280], ['zh-CN', 'dark', 390], ['en', 'dark', 1280]]) {
    await prefer(browser, language, theme);
    const page = await browser.newPage();
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${url}/admin/teams`);
    await page.waitForSelector('.teams-rule');
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    must(over <= 0, `${language} ${theme} ${width}: nothing stands over the edge`);
    await shot(page, `teams-${language}-${theme}-${width}`);
    await page.close();
  }
} catch (error) {
  must(false, String(error));
} finally {
  await ask('PUT', '/role-rules/supervisor', { reach: {}, hidden: [] });
  await ask('DELETE', `/teams/${name}`);
  await browser.close();
}
process.exit(failed ? 1 : 0);
