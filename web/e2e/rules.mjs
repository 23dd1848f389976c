// What goes by itself, in the browser: an administrator writes a rule, is told of a mistake while writing, tries it on what
// has happened, and it acts; a macro is looked at, run on chosen tickets, and taken back. Against a server; the mock keeps no settings.
import { launch, login, prefer } from './browser.mjs';

/** ruleChecks runs the checks with the helpers of pages.mjs. */
export async function ruleChecks({ url, user, password, check, must, until, accessible, noOverflow }) {
  const context = await launch({ viewport: { width: 1280, height: 900 } });
  await prefer(context, 'en', 'light');
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await login(page, url, user, password);
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  const ask = (method, path, data) => page.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
  if (!(await ask('GET', '/rules/vocabulary')).ok() || (await ask('GET', '/settings/codecs')).headers()['x-mock']) {
    await context.close();
    return;
  }
  const mark = `e2e${Date.now()}`;
  const make = async (subject) => (await (await ask('POST', '/tickets', { type: 'question', subject })).json()).id;
  const read = async (id) => (await ask('GET', `/tickets/${id}`)).json();
  const before = await make(`${mark} before`);
  const drawer = page.getByRole('dialog');
  const choose = async (name, option) => {
    await drawer.getByRole('combobox', { name, exact: true }).last().click();
    await page.keyboard.type(option); // long lists show what is near only
    await page.locator('.ant-select-dropdown:visible').getByText(option, { exact: true }).last().click();
  };

  await check('a mistake in a rule is told while it is written', async () => {
    await page.goto(`${url}/admin/rules`);
    await page.getByRole('button', { name: 'Add a rule' }).first().click();
    await drawer.getByLabel('Name', { exact: true }).fill(mark);
    await choose('When', 'ticket made');
    await page.keyboard.press('Escape');
    await drawer.getByRole('button', { name: 'Add a condition' }).click();
    await choose('Field', 'Subject');
    await choose('Comparison', 'matches (RE2)');
    await drawer.getByRole('textbox', { name: 'Value' }).fill('(');
    await choose('Add an action', 'Write a note');
    await drawer.getByRole('textbox', { name: /^Text/ }).fill('by {{rule}}');
    await drawer.getByText(/no pattern \(RE2\)/).waitFor();
    await accessible(page);
    await noOverflow(page);
  });
  await check('a rule is tried on what has happened, and then acts', async () => {
    await drawer.getByRole('textbox', { name: 'Value' }).fill(`^${mark}`);
    await drawer.getByRole('button', { name: 'Try it on the last 7 days' }).click();
    await drawer.getByText('It would have acted 1 time.').waitFor();
    must(await drawer.getByText(`#${before}`).isVisible(), 'the ticket that is there is not found');
    await drawer.getByRole('button', { name: 'Save' }).click();
    await drawer.waitFor({ state: 'hidden' });
    const after = await make(`${mark} after`);
    await until('the note of the rule', async () => (await read(after)).comments.some((c) => c.body === `by ${mark}`));
  });
  await check('a macro is looked at, run on chosen tickets and taken back', async () => {
    await ask('PUT', `/settings/macros/${mark}`, { doc: { label: `Hurry ${mark}`, for: ['ticket'], actions: [{ do: 'priority', priority: 'urgent' }] } });
    await page.goto(`${url}/tickets?q=${mark}`);
    await page.getByRole('checkbox', { name: `Choose #${before}` }).check();
    await page.getByRole('button', { name: 'Macros' }).click();
    await page.getByRole('button', { name: new RegExp(`Hurry ${mark}`) }).click();
    await page.getByText('Priority: Normal → Urgent').waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('done on 1').waitFor();
    must((await read(before)).ticket.priority === 'urgent', 'it did not run');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Taken back, as far as possible.').waitFor();
    must((await read(before)).ticket.priority === 'normal', 'it was not taken back');
  });
  for (const path of [`rules/${mark}`, `macros/${mark}`]) await ask('DELETE', `/settings/${path}`);
  await context.close();
}
