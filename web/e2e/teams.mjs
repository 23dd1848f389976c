// Teams in the browser: one is made, the role of those who lead is narrowed to it, and who leads it sees no other work;
// lists are taken out of the house. Against a server; the mock keeps no teams.
import { request } from 'playwright-core';
import { launch, prefer } from './browser.mjs';
import { staff } from './tools.mjs';

/** teamChecks runs the checks with the helpers of pages.mjs. */
export async function teamChecks(tools) {
  const { url, check, must, until, accessible, noOverflow } = tools;
  const context = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(context, 'en', 'light');
  const { page, ask } = await staff(context, tools);
  const mark = `e2e-${Date.now().toString(36)}`;
  const lead = { username: `${mark}-lead`, password: 'a lead of one team only', role: 'supervisor' };
  // The mock makes no user of this name.
  const made = await ask('POST', '/users', lead);
  if (!made.ok() || (await made.json()).username !== lead.username) return context.close();
  const ticket = await ask('POST', '/tickets', { type: 'question', subject: `${mark} of nobody` });
  must(ticket.ok(), `the ticket was not made: ${ticket.status()}`);
  const { id } = await ticket.json();
  const before = (await (await ask('GET', '/role-rules')).json()).items.find((rule) => rule.role === 'supervisor');
  const dialog = page.getByRole('dialog');

  await check('a team is made of people who are there', async () => {
    await page.goto(`${url}/admin/teams`);
    await page.waitForSelector('.teams-rule');
    await page.getByRole('button', { name: 'Add a team' }).click();
    await dialog.getByLabel('ID', { exact: true }).fill(mark);
    await dialog.getByLabel('Name', { exact: true }).fill(`Team ${mark}`);
    await dialog.getByLabel('Members').click();
    await page.keyboard.type(lead.username);
    await page.locator('.ant-select-item-option-active', { hasText: lead.username }).waitFor();
    await page.keyboard.press('Enter');
    await dialog.locator('.ant-modal-title').click(); // closes the list
    await page.locator('.ant-select-dropdown:visible').waitFor({ state: 'hidden' });
    await accessible(page);
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('.admin-row', { hasText: mark }).getByText(lead.username).waitFor();
    await accessible(page);
  });
  await check('who leads sees the work of the own team only, from the next request on', async () => {
    const other = await request.newContext();
    must((await other.post(`${url}/api/v1/session`, { data: { username: lead.username, password: lead.password } })).ok(), 'the lead cannot log in');
    const seen = async () => (await (await other.get(`${url}/api/v1/tickets?q=${mark}`)).json()).items.map((one) => one.id);
    const first = await seen();
    must(first.includes(id), `the ticket ${id} is not seen before, ${first.join(' ') || 'none'} is`);
    await page.getByRole('combobox', { name: 'Supervisor: Tickets' }).press('ArrowDown');
    await page.locator('.ant-select-dropdown:visible').getByText("Own team's", { exact: true }).click();
    await until('the rule of the role', async () => (await (await ask('GET', '/role-rules')).json()).items.find((rule) => rule.role === 'supervisor').reach.tickets === 'team');
    must((await seen()).length === 0, 'what is no work of the team is seen');
    await other.dispose();
  });
  await check('tickets leave the house as a sheet', async () => {
    await page.goto(`${url}/tickets?q=${mark}`);
    await page.getByRole('button', { name: 'Export' }).click();
    await dialog.locator('.lists-part').waitFor();
    await accessible(page);
    await dialog.locator('.list-acts .ant-btn-primary').click();
    await dialog.locator('.list-row').first().waitFor();
    await page.keyboard.press('Escape');
  });
  await check('teams: 360 px, Chinese, dark', async () => {
    const narrow = await context.newPage();
    await prefer(narrow, 'zh-CN', 'dark');
    await narrow.setViewportSize({ width: 360, height: 740 });
    await narrow.goto(`${url}/admin/teams`);
    await narrow.waitForSelector('.teams-rule');
    await noOverflow(narrow);
    await accessible(narrow);
    await narrow.close();
  });
  await ask('PUT', '/role-rules/supervisor', { reach: before.reach, hidden: before.hidden });
  await ask('DELETE', `/teams/${mark}`);
  await context.close();
}
