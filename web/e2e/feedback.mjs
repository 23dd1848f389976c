// Feedback on the pages: bad words open a case, which is taken through its steps; customers are asked how it was, and the
// schedule of such questions is set. `some.mjs feedback` runs it alone, and in both languages.
import { createHmac } from 'node:crypto';
import { launch, prefer } from './browser.mjs';
import { staff } from './tools.mjs';

const looks = [
  ['zh-CN', 'light'],
  ['en', 'dark'],
];

/** feedbackChecks runs the checks with the helpers of pages.mjs, in the first language or in all. */
export async function feedbackChecks(tools, all = false) {
  for (const [language, theme] of all ? looks : looks.slice(0, 1)) await oneLook(tools, language, theme);
}

async function oneLook(tools, language, theme) {
  const { url, check, must, until, accessible, noOverflow, picture } = tools;
  const zh = language === 'zh-CN';
  const context = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(context, language, theme);
  const { page, ask: request } = await staff(context, tools);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  const shot = (name) => picture(page, `${name}-${zh ? 'zh' : 'en'}`);
  const narrow = async () => {
    await page.setViewportSize({ width: 360, height: 780 });
    await until('it fits into 360 px', () => noOverflow(page).then(() => true, () => false));
    await page.setViewportSize({ width: 1280, height: 860 });
  };
  /** ask asks the API as the page does. */
  const ask = async (method, path, data) => {
    const answer = await request(method, path, data);
    return { status: answer.status(), body: answer.status() === 204 ? undefined : await answer.json() };
  };
  const post = (path, body) => ask('POST', path, body);
  const person = (await post('/contacts', { name: zh ? '王梅' : 'Mary King' })).body.id;
  const bad = await post('/feedback', { kind: 'csat', score: 1, text: zh ? '等了两个小时，退款还是没到，我要投诉' : 'Two hours on hold and still no refund', chips: [zh ? '等待太久' : 'long wait'], contact: person });
  // The mock keeps no feedback.
  if (bad.status !== 201) return context.close();
  for (const score of [5, 5, 4, 3]) await post('/feedback', { kind: 'csat', score, text: zh ? '快递很快，谢谢' : 'quick delivery, thanks' });
  for (const score of [10, 9, 6]) await post('/feedback', { kind: 'nps', score });
  await post('/feedback', { kind: 'idea', text: zh ? '希望应用有夜间模式' : 'a night mode for the app' });

  await check(`feedback, ${language}: what customers say`, async () => {
    await page.goto(`${url}/feedback`);
    await page.waitForSelector('.said-line');
    await page.waitForSelector('.score-bars');
    await accessible(page);
    await shot('feedback');
    await narrow();
  });
  await check(`feedback, ${language}: a case goes its way, and waits for a customer whom nobody reaches`, async () => {
    await page.goto(`${url}/feedback?tab=cases`);
    await page.locator('.case-row', { hasText: `C-${bad.body.case}` }).click();
    await page.waitForSelector('.case-next-step');
    await shot('case-new');
    await page.locator('.case-next-step .way').click();
    await page.locator('.ant-select-item-option', { hasText: zh ? '电话' : 'telephone' }).first().click();
    await page.fill('.case-next-step textarea', zh ? '已致电，了解情况。' : 'Called, she told me all.');
    await page.locator('.case-next-step .ant-btn-primary').click();
    await page.waitForSelector('.next-fields');
    await page.locator('.next-fields .ant-select').click();
    await page.locator('.ant-select-item-option', { hasText: zh ? '退款慢' : 'Refund slow' }).click();
    await page.locator('.next-fields input').nth(1).fill(zh ? '水壶' : 'kettle');
    await page.locator('.next-fields input').nth(2).fill(zh ? '退款' : 'refund');
    await shot('case-cause');
    await page.locator('.case-next-step .ant-btn-primary').click();
    await page.locator('.path-here', { hasText: zh ? '原因已查明' : 'Cause found' }).waitFor();
    await page.locator('.case-next-step .ant-btn-primary').click();
    await page.locator('.path-here', { hasText: zh ? '已处理' : 'Fixed' }).waitFor();
    // Nobody is there to take a message: it waits, and the page says so.
    await page.fill('.case-next-step textarea', zh ? '退款今天已到账。' : 'Your refund arrived today.');
    await page.locator('.case-next-step .ant-btn-primary').click();
    await page.waitForSelector('.case-waits', { timeout: 15_000 });
    await shot('case-waits');
    await page.locator('.case-next-step .way').click();
    await page.locator('.ant-select-item-option', { hasText: zh ? '电话' : 'telephone' }).first().click();
    await page.fill('.case-next-step textarea', zh ? '已电话告知退款到账。' : 'Told her by telephone.');
    await page.locator('.case-next-step .ant-btn-primary').click();
    await page.locator('.path-here', { hasText: zh ? '已告知客户' : 'Customer told' }).waitFor();
    await page.locator('.ticket-thread > .chip').click();
    await page.waitForSelector('.ticket-trail li');
    await shot('case-told');
    await narrow();
  });
  await check(`feedback, ${language}: the list of cases`, async () => {
    await page.goto(`${url}/feedback?tab=cases`);
    await page.waitForSelector('.case-row');
    await shot('cases');
    await narrow();
  });
  await check(`feedback, ${language}: a customer is asked by a macro and answers in words; the schedule is set`, async () => {
    const who = `${zh ? 'mei' : 'mary'}-${Date.now()}`;
    const secret = 'whsec_of_feedback';
    must((await ask('PUT', '/channels/webhook/feedback', { name: 'feedback', enabled: true, secret, settings: {} })).status === 204, 'no channel');
    must((await ask('PUT', '/settings/macros/how-was-it', { doc: { label: 'How was it', for: ['conversation'], actions: [{ do: 'survey', survey: 'csat' }] } })).status === 200, 'no macro');
    let letters = 0;
    const writes = async (text) => {
      const id = `${who}-${letters++}`;
      const data = JSON.stringify({ id, user: { id: who, name: zh ? '王梅' : 'Mary King' }, text, lang: zh ? 'zh' : 'en' });
      const at = Math.floor(Date.now() / 1000);
      const sign = `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${data}`).digest('hex')}`;
      const answer = await page.request.post(`${url}/in/feedback`, { data, headers: { 'Content-Type': 'application/json', 'Idempotency-Key': id, 'X-CC-Signature': sign } });
      must(answer.status() === 202, `${answer.status()} for a letter`);
    };
    await writes(zh ? '你好' : 'hello');
    const talk = await until('the letter is a conversation', async () => {
      const { items } = (await ask('GET', '/conversations?box=all&limit=200')).body;
      return items.find((one) => one.external_user === who)?.id;
    });
    must((await ask('POST', `/conversations/${talk}/close`)).status === 204, 'not closed');
    const run = async () => (await post('/macros/how-was-it/run', { objects: [{ kind: 'conversation', id: String(talk) }] })).body.items[0].steps[0];
    const first = await run();
    must(first.result === 'done', JSON.stringify(first));
    const again = await run();
    must(again.reason === 'asked', JSON.stringify(again));
    await writes(zh ? '很满意，谢谢' : 'very good, thanks');
    await until('the answer is kept', async () => (await ask('GET', '/feedback?kind=csat&limit=50')).body.items.some((one) => one.score === 5 && one.reason === `conversation:${talk}`));
    await page.goto(`${url}/feedback?tab=surveys`);
    await page.locator('.said-line', { has: page.locator(`a[href="/inbox/${talk}"]`) }).locator('.tag-good', { hasText: '5/5' }).waitFor();
    await page.locator('.survey-fields input').first().fill('60');
    const before = (await ask('GET', '/feedback/schedule')).body;
    await page.locator('.survey-settings [role=switch]').click();
    await page.locator('.survey-settings .ant-btn-primary').click();
    await page.locator('.ant-message-success').waitFor();
    const { on, every_days: days } = (await ask('GET', '/feedback/schedule')).body;
    must(on === !before.on && days === 60, `${on} ${days}`);
    await ask('PUT', '/feedback/schedule', before);
    await shot('surveys');
    await narrow();
  });
  await check(`feedback, ${language}: causes`, async () => {
    await page.goto(`${url}/feedback?tab=report`);
    await page.waitForSelector('.report-table');
    await shot('causes-report');
    await narrow();
    await page.goto(`${url}/feedback?tab=causes`);
    await page.waitForSelector('.cause-tree li');
    await shot('causes');
    await narrow();
    must(wrong.length === 0, wrong.join(' | '));
  });
  await context.close();
}
