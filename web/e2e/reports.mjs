// Reports in the browser: every report opens with its figures, a number leads to a list of as many, and the sheet has
// the same numbers; in both languages, light and dark, wide and narrow. Against a server to which calls and chats came.
import { launch, prefer } from './browser.mjs';
import { staff, still } from './tools.mjs';

const names = ['volume', 'response', 'service', 'backlog', 'bot', 'csat', 'agents', 'tickets', 'mood', 'questions'];
const number = (text) => Number(text.replace(/\D/g, ''));

/** reportChecks runs the checks with the helpers of pages.mjs. */
export async function reportChecks(tools) {
  const { url, check, must, until, accessible, noOverflow } = tools;
  const context = await launch({ viewport: { width: 1280, height: 800 } });
  await prefer(context, 'en', 'light');
  const { page, ask } = await staff(context, tools);
  if (!(await ask('GET', '/analytics/volume?days=1')).ok()) return context.close(); // the mock counts nothing
  const complaints = new Set();
  page.on('pageerror', (error) => complaints.add(String(error)));
  const ready = async () => {
    await page.waitForSelector('.report-body[aria-busy=false] .tile strong');
    await still(page);
  };

  await check('reports: each has its figures or says that there are none; accessible', async () => {
    await page.goto(`${url}/reports?days=7&before=true`);
    await ready();
    const full = [];
    for (const [i, name] of names.entries()) {
      await page.locator('.report-names .chip').nth(i).click();
      await page.waitForURL((at) => at.searchParams.get('report') === name);
      await ready();
      const rows = await page.locator('.figures tbody tr').count();
      must(rows > 0 || (await page.locator('.report-body .empty-title').count()) === 1, `${name} is blank`);
      if (rows > 0) full.push(name);
      await noOverflow(page);
      await accessible(page).catch((error) => must(false, `${name}: ${error.message}`));
    }
    must(full.includes('volume'), 'nothing came in lately: calls and chats are wanted for these checks');
    return full.join(' ');
  });
  await check('reports: a number leads to a list of as many, and the sheet has it too', async () => {
    await page.goto(`${url}/reports?days=7&cut=channel`);
    await ready();
    const first = page.locator('.figures tbody tr').first().locator('button.figure-link').first();
    const said = number(await first.innerText());
    await first.click();
    const list = page.locator('.behind');
    await list.locator('.behind-line').first().waitFor();
    must(number(await list.locator('.behind-total').innerText()) === said, `the list has ${await list.locator('.behind-total').innerText()}, the table ${said}`);
    const lines = list.locator('.behind-line');
    await until('as many lines', async () => (await lines.count()) === Math.min(said, 50));
    await accessible(page);
    await page.keyboard.press('Escape');
    await list.waitFor({ state: 'hidden' });
    // Whoever calls in between is counted by the later of the two.
    await until('the sheet has the number of the table', async () => {
      await page.reload();
      await ready();
      const csv = await page.evaluate(async (href) => (await fetch(href)).text(), await page.locator('.report-acts a').getAttribute('href'));
      const [head, row] = csv.replace(/^\ufeff/, '').trim().split(/\r?\n/).map((line) => line.split(','));
      const at = head.indexOf('contacts');
      must(at > 0, `the sheet has ${head}`);
      return Number(row[at]) === number(await first.innerText());
    });
    return `${said} contacts`;
  });
  await check('reports: in Chinese, dark and 360 px wide', async () => {
    const narrow = await context.newPage();
    await prefer(narrow, 'zh-CN', 'dark');
    await narrow.setViewportSize({ width: 360, height: 740 });
    for (const name of ['volume', 'agents']) {
      await narrow.goto(`${url}/reports?report=${name}&days=7&before=true`);
      await narrow.waitForSelector('.report-body[aria-busy=false] .tile strong');
      await noOverflow(narrow);
      await accessible(narrow);
    }
    await narrow.close();
  });
  await check('reports: the browser had nothing to complain of', () => must(complaints.size === 0, [...complaints].join(' | ')));
  await context.close();
}
