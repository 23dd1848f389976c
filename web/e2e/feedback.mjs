// Feedback against a running pbx: bad words open a case, which is taken through its steps on the pages, in both
// languages; customers are asked how it was, and the schedule of such questions is set. Pictures with --shots FOLDER.
//
//   node e2e/feedback.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { parseArgs } from 'node:util';
import { launch, login, prefer } from './browser.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const url = values.url;

for (const [language, theme] of [
  ['zh-CN', 'light'],
  ['en', 'dark'],
]) {
  const zh = language === 'zh-CN';
  const context = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(context, language, theme);
  const page = context.pages()[0] ?? (await context.newPage());
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  const shot = async (name) => values.shots && (await page.screenshot({ path: `${values.shots}/${name}-${language}.png`, fullPage: true }));
  const narrow = async (name) => {
    await page.setViewportSize({ width: 360, height: 780 });
    await page.waitForFunction(() => document.documentElement.scrollWidth === document.documentElement.clientWidth, null, { timeout: 5000 });
    await shot(`${name}-narrow`);
    await page.setViewportSize({ width: 1280, height: 860 });
  };
  await login(page, url, values.user, values.password);
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  /** ask asks the API as the page does. */
  const ask = async (method, path, data) => {
    const answer = await page.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
    return { status: answer.status(), body: answer.status() === 204 ? undefined : await answer.json() };
  };
  const post = (path, body) => ask('POST', path, body);
  const person = (await post('/contacts', { name: zh ? '王梅' : 'Mary King' })).body.id;
  const bad = await post('/feedback', { kind: 'csat', score: 1, text: zh ? '等了两个小时，退款还是没到，我要投诉' : 'Two hours on hold and still no refund', chips: [zh ? '等待太久' : 'long wait'], contact: person });
  assert.equal(bad.status, 201);
  for (const score of [5, 5, 4, 3]) await post('/feedback', { kind: 'csat', score, text: zh ? '快递很快，谢谢' : 'quick delivery, thanks' });
  for (const score of [10, 9, 6]) await post('/feedback', { kind: 'nps', score });
  await post('/feedback', { kind: 'idea', text: zh ? '希望应用有夜间模式' : 'a night mode for the app' });

  await page.goto(`${url}/feedback`);
  await page.waitForSelector('.said-line');
  await page.waitForSelector('.score-bars');
  await shot('feedback');
  await narrow('feedback');

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
  await narrow('case');

  await page.goto(`${url}/feedback?tab=cases`);
  await page.waitForSelector('.case-row');
  await shot('cases');
  await narrow('cases');

  // A customer of a channel without buttons is asked by a macro, and answers in words.
  const who = `${zh ? 'mei' : 'mary'}-${Date.now()}`;
  const secret = 'whsec_of_feedback';
  assert.equal((await ask('PUT', '/channels/webhook/feedback', { name: 'feedback', enabled: true, secret, settings: {} })).status, 204);
  assert.equal((await ask('PUT', '/settings/macros/how-was-it', { doc: { label: 'How was it', for: ['conversation'], actions: [{ do: 'survey', survey: 'csat' }] } })).status, 200);
  let letters = 0;
  const writes = async (text) => {
    const id = `${who}-${letters++}`;
    const data = JSON.stringify({ id, user: { id: who, name: zh ? '王梅' : 'Mary King' }, text, lang: zh ? 'zh' : 'en' });
    const at = Math.floor(Date.now() / 1000);
    const sign = `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${data}`).digest('hex')}`;
    const answer = await page.request.post(`${url}/in/feedback`, { data, headers: { 'Content-Type': 'application/json', 'Idempotency-Key': id, 'X-CC-Signature': sign } });
    assert.equal(answer.status(), 202);
  };
  await writes(zh ? '你好' : 'hello');
  const { items } = (await ask('GET', '/conversations?box=all&limit=200')).body;
  const talk = String(items.find((one) => one.external_user === who).id);
  assert.equal((await ask('POST', `/conversations/${talk}/close`)).status, 204);
  const run = await post('/macros/how-was-it/run', { objects: [{ kind: 'conversation', id: talk }] });
  assert.equal(run.body.items[0].steps[0].result, 'done');
  const again = await post('/macros/how-was-it/run', { objects: [{ kind: 'conversation', id: talk }] });
  assert.equal(again.body.items[0].steps[0].reason, 'asked');
  await writes(zh ? '很满意，谢谢' : 'very good, thanks');
  await page.goto(`${url}/feedback?tab=surveys`);
  await page.locator('.said-line', { has: page.locator(`a[href="/inbox/${talk}"]`) }).locator('.tag-good', { hasText: '5/5' }).waitFor();
  await page.locator('.survey-fields input').first().fill('60');
  await page.locator('.survey-settings [role=switch]').click();
  await page.locator('.survey-settings .ant-btn-primary').click();
  await page.locator('.ant-message-success').waitFor();
  const { on, every_days: days } = (await ask('GET', '/feedback/schedule')).body;
  assert.deepEqual([on, days], [zh, 60]); // the second language switches it off again
  await shot('surveys');
  await narrow('surveys');

  await page.goto(`${url}/feedback?tab=report`);
  await page.waitForSelector('.report-table');
  await shot('causes-report');
  await narrow('causes-report');
  await page.goto(`${url}/feedback?tab=causes`);
  await page.waitForSelector('.cause-tree li');
  await shot('causes');
  await narrow('causes');
  assert.deepEqual(wrong, []);
  await context.close();
}
console.log('feedback: a case goes its way on the pages, in both languages');
