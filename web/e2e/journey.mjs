// The way of one customer through the whole house, in browsers: a question in the shop's widget, the bot
// that clears up, answers and looks an order up, an agent who takes over while she is in a call, a ticket, a
// rating of 1 and a complaint, the case until it is closed, the supervisor who sees it all, and the same
// customer on the telephone. e2e/journey_test.go runs it and reads from its output who shall call.
//
//   node e2e/journey.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
//
// Prints one line per check, and lines beginning with "> " for who runs it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { flags, launch, login, prefer } from './browser.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
const { url } = values;
if (values.shots) mkdirSync(values.shots, { recursive: true });
const patience = 30_000;
const complaints = new Set();
const open = [];

const shot = (page, name) => values.shots && page.screenshot({ path: join(values.shots, `journey-${name}.png`), animations: 'disabled' });
const ask = (...words) => console.log(`> ${words.join('|')}`);
const must = (truth, words) => {
  if (!truth) throw new Error(words);
};

/** check says how long a step took; the way ends at the first that fails. */
async function check(name, run) {
  const began = Date.now();
  try {
    const said = await run();
    console.log(`ok    ${name}${said ? `: ${said}` : ''} (${Date.now() - began} ms)`);
  } catch (error) {
    console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n').slice(0, 4).join(' | ')}`);
    for (const [who, page] of open) await shot(page, `failed-${who}`)?.catch(() => undefined);
    for (const text of complaints) console.log(`      ${text}`);
    process.exit(1);
  }
}

async function until(words, look, limit = patience, every = 60) {
  for (const end = Date.now() + limit; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${words}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

async function browser(who, options) {
  const context = await launch({
    viewport: { width: 1280, height: 860 },
    permissions: ['microphone'],
    locale: 'zh-CN',
    args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'],
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(patience);
  page.on('dialog', (dialog) => void dialog.accept());
  page.on('pageerror', (error) => complaints.add(`${who}: ${error}`));
  open.push([who, page]);
  return page;
}

/** staff is somebody of ours who is signed in. */
async function staff(name) {
  const page = await browser(name);
  await prefer(page.context(), 'zh-CN', 'light');
  await login(page, url, name, 'a desk of their own');
  return page;
}

const [mei, lin, zhou] = await Promise.all([browser('mei'), staff('lin'), staff('zhou')]);
const get = async (page, path) => (await page.request.get(`${url}/api/v1${path}`)).json();
const w = mei.locator('#tingxin-widget');
const texts = () => w.locator('.say .bubble').allInnerTexts();
const say = async (text) => {
  await w.locator('.compose textarea').fill(text);
  await w.locator('.compose textarea').press('Enter');
};
/** hears waits for words of ours behind the last of the customer's. */
const hears = (words) =>
  until(`the customer reads ${words}`, async () => {
    const all = await w.locator('.say').evaluateAll((found) => found.map((one) => ({ own: one.classList.contains('me'), text: one.textContent })));
    return all.slice(all.findLastIndex((one) => one.own) + 1).find((one) => words.test(one.text))?.text;
  });

await check('lin is at work, and somebody else calls', async () => {
  await lin.goto(`${url}/desk`);
  await lin.waitForSelector('.phone-state[data-registration=registered]');
  await lin.locator('.agent-state').click();
  await lin.locator('.ant-dropdown-menu-item').first().click();
  await lin.waitForSelector('.agent-available');
  ask('call', 'chen', '13900139000');
  await lin.waitForSelector('.bar-incoming[data-offer=true]');
  await lin.keyboard.press('Control+Shift+KeyA');
  await lin.waitForSelector('.bar-line[data-phase=talking]');
});

let unclear;
await check('the bot has learned the articles', async () => {
  const { csrf } = await get(lin, '/session');
  const last = {};
  let n = 0;
  const turn = async (text) => {
    const answer = await lin.request.post(`${url}/api/v1/bot/turns`, { headers: { 'X-CSRF-Token': csrf }, data: { subject: `journey-${n++}`, text, lang: 'zh' } });
    if (!answer.ok()) return String(answer.status());
    const { decision, explanation: why } = await answer.json();
    return decision === 'clarify' ? decision : `${decision}${why.foreign ? ' foreign' : ''} ${why.p1.toFixed(2)} of ${why.tau_c.toFixed(2)} to ${why.tau_a.toFixed(2)}`;
  };
  const titles = ['怎么开发票', '发票抬头开错了怎么改', '支持哪些付款方式', '付款失败怎么办', '礼品卡怎么用', '可以开增值税专用发票吗', '批量采购有优惠吗'];
  // Short ones, halves of titles, and two titles in one breath.
  const words = ['怎么付', ...titles.flatMap((one, i) => [`${one}，${titles[(i + 1) % titles.length]}`, one.slice(0, -2), one.slice(2), `${titles[(i + 3) % titles.length]}和${one}`])];
  // Which words are unclear follows from the thresholds that were drawn.
  unclear = await until('it asks back', async () => {
    const question = words[n % words.length];
    last[question] = await turn(question);
    return last[question] === 'clarify' && question;
  }, 90_000, 1500).catch((error) => {
    throw new Error(`${error.message}; it says ${JSON.stringify(last)}`);
  });
  return unclear;
});

await check('an unclear question in Chinese in the shop is cleared up by a button', async () => {
  await mei.goto(`${url}/demo/shop/?lang=zh-CN`);
  await w.locator('.launcher').click();
  await w.locator('button.main').first().click();
  await w.locator('.compose textarea').waitFor();
  await say(unclear);
  await hears(/您想问的是下面哪一个/);
  const button = w.locator('.say', { hasText: '您想问的是下面哪一个' }).locator('.choices button:not([disabled])').first();
  const label = await button.innerText();
  await button.click();
  await w.locator('a.meta', { hasText: label }).waitFor();
  await shot(mei, 'bot');
  return label;
});

await check('a clear one is answered with its source', async () => {
  await say('怎么开发票？');
  await w.locator('a.meta', { hasText: '怎么开发票' }).waitFor();
  return (await hears(/发票/)).slice(0, 40);
});

await check('the bot asks for the order number and finds the order', async () => {
  await say('我的订单什么时候到？');
  await hears(/订单号|订单编号/);
  await say('A2025070101');
  return (await hears(/电热水壶/)).slice(0, 60);
});

await check('a person is asked for; the chat is offered to lin, who is in a call, and opens', async () => {
  await w.locator('.foot .human').click();
  await lin.locator('.bar-incoming').getByRole('button', { name: '接听' }).click();
  await lin.waitForSelector('.inbox-composer textarea');
  must((await lin.locator('.bar-line[data-phase=talking]').count()) === 1, 'the call is gone');
});
const chat = Number(new URL(lin.url()).searchParams.get('chat'));

await check('lin sees the packet, the order number and what was said', async () => {
  await lin.locator('.desk-packet').waitFor();
  await lin.locator('.slot-list', { hasText: 'A2025070101' }).waitFor();
  await lin.locator('.bot-fold').click();
  await lin.locator('.inbox-thread', { hasText: '我的订单什么时候到？' }).waitFor();
  await shot(lin, 'handed-over');
  return (await lin.locator('.desk-packet').innerText()).replace(/\s+/g, ' ').slice(0, 80);
});

/** writes sends words of lin's to the customer. */
const writes = async (words) => {
  const field = lin.locator('.inbox-composer textarea');
  await field.fill(words);
  await field.press('Control+Enter');
  await lin.locator('[data-letter=held]').getByRole('button', { name: '立即发送' }).click({ timeout: 8000 }).catch(() => undefined); // it leaves by itself
  await until('the customer reads it', async () => (await texts()).some((one) => one.includes(words)));
  await field.blur(); // keys are actions again
};
const isClosed = () => until('the conversation is closed', async () => (await get(zhou, `/conversations/${chat}`)).state === 'closed');

await check('lin answers, makes a ticket and closes', async () => {
  await writes('您好，我帮您催一下物流。');
  await lin.keyboard.press('KeyT');
  await lin.locator('.ticket-box input').first().fill('催物流 A2025070101');
  await lin.locator('.ant-modal .ant-btn-primary').click();
  await lin.locator('.ant-modal').waitFor({ state: 'hidden' });
  await lin.locator('.inbox-close', { hasText: '结束会话' }).click();
  await isClosed();
  const { items } = await get(lin, '/tickets?limit=5');
  must(items.some((one) => one.subject.includes('A2025070101')), 'no ticket');
});

await check('the customer gives one star and says why', async () => {
  await w.locator('.rating').waitFor();
  await w.locator('.rating input[value="1"]').check({ force: true });
  await w.locator('.rating .chips input').first().check({ force: true });
  await w.locator('.rating textarea').fill('等了太久');
  await shot(mei, 'rating');
  await w.locator('.rating .main').click();
  await until('it is kept', async () => (await get(zhou, `/conversations/${chat}`)).rating === 1);
});

let number;
await check('and complains; a case is opened', async () => {
  await w.locator('.head .icon-more').click();
  await w.locator('.list button').first().click();
  await w.locator('textarea[name=text]').fill('等了两个小时，退款还是没到，我要投诉');
  await w.locator('form .main').click();
  await w.locator('.done').first().waitFor();
  const told = await w.locator('.pad').last().innerText();
  number = /C-(\d+)/.exec(told)?.[1];
  must(number, `no number of a case in "${told}"`);
  await w.locator('.head .icon-back').click(); // the menu
  await w.locator('.head .icon-back').click();
  await w.locator('.compose textarea').waitFor();
  return `C-${number}`;
});

await check('the complaint comes to lin, still in her call, who says who looks after it', async () => {
  await lin.locator('.bar-incoming').getByRole('button', { name: '接听' }).click();
  await lin.locator('.inbox-close', { hasText: '结束会话' }).waitFor();
  await lin.locator('.inbox-thread', { hasText: '退款还是没到' }).waitFor();
  await writes('非常抱歉，我的主管会跟进您的投诉。');
  await lin.locator('.inbox-close').click();
  await isClosed();
});

const primary = zhou.locator('.case-next-step .ant-btn-primary:not(.ant-btn-loading)');
const here = (state) => zhou.locator('.path-here', { hasText: state }).waitFor();
await check('zhou works on the case', async () => {
  await zhou.goto(`${url}/feedback?tab=cases`);
  await zhou.locator('.case-row', { hasText: `C-${number}` }).click();
  await zhou.locator('.case-next-step textarea').fill('您好，我是周蕾，正在处理您的退款。');
  await primary.click();
  await here('已联系');
  await hears(/周蕾/);
  await zhou.locator('.next-fields .ant-select').click();
  await zhou.locator('.ant-select-item-option', { hasText: '退款慢' }).click();
  await zhou.locator('.next-fields input').nth(1).fill('水壶');
  await primary.click();
  await here('原因已查明');
  await primary.click();
  await here('已处理');
});

await check('the customer is told in the chat', async () => {
  await zhou.locator('.case-next-step textarea').fill('退款今天已到账，给您添麻烦了。');
  await primary.click();
  await here('已告知客户');
  await hears(/退款今天已到账/);
  await shot(zhou, 'case-told');
});

await check('a week later the customer is asked, and it is solved', async () => {
  ask('week', number);
  const asked = await hears(/现在问题解决了吗/);
  const button = w.locator('.say', { hasText: '现在问题解决了吗' }).getByRole('button', { name: '解决了', exact: true });
  await button.waitFor();
  await shot(mei, 'asked');
  await button.click();
  await here('客户已确认');
  await hears(/谢谢您的回答/);
  await isClosed(); // nobody has to take what is answered
  await lin.locator('.bar-incoming').waitFor({ state: 'detached', timeout: 5000 });
  return asked.slice(0, 40);
});

await check('zhou closes the case', async () => {
  await primary.click();
  await here('已结案');
  await shot(zhou, 'case-closed');
});

await check('the supervisor sees rating, case, conversation and the calls of now', async () => {
  await zhou.goto(`${url}/feedback`);
  await zhou.locator('.said-line', { hasText: '等了太久' }).waitFor();
  await zhou.locator('.said-line', { hasText: '退款还是没到' }).first().waitFor();
  await shot(zhou, 'feedback');
  await zhou.goto(`${url}/inbox/${chat}`);
  await zhou.getByText('我帮您催一下物流').first().waitFor();
  await shot(zhou, 'conversation');
  await zhou.goto(`${url}/mood`);
  await zhou.waitForSelector('#needs-title');
  await shot(zhou, 'mood');
  await zhou.goto(`${url}/live`);
  await zhou.locator('.call-card', { hasText: '13900139000' }).waitFor();
});

await check('the other caller hangs up; zhou writes down that this customer has a telephone', async () => {
  ask('hangup', 'chen');
  await lin.waitForSelector('.bar-line[data-phase=talking]', { state: 'detached' });
  const { contact_id: contact } = await get(zhou, `/conversations/${chat}`);
  const { csrf } = await get(zhou, '/session');
  const added = await zhou.request.post(`${url}/api/v1/contacts/${contact}/identities`, { headers: { 'X-CSRF-Token': csrf }, data: { kind: 'phone', value: '13800138000', verified: true } });
  must(added.ok(), `${added.status()} ${await added.text()}`);
});

await check('the same customer phones: lin sees the chat and the order number', async () => {
  await lin.goto(`${url}/desk`);
  await lin.waitForSelector('.phone-state[data-registration=registered]');
  const { csrf } = await get(lin, '/session');
  await lin.request.post(`${url}/api/v1/agents/me/wrap-up/end`, { headers: { 'X-CSRF-Token': csrf } });
  ask('call', 'mei', '13800138000');
  await lin.waitForSelector('.bar-incoming[data-offer=true]');
  await lin.keyboard.press('Control+Shift+KeyA');
  await lin.waitForSelector('.bar-line[data-phase=talking]');
  await lin.locator('.slot-list', { hasText: 'A2025070101' }).waitFor();
  await shot(lin, 'phone-slots');
  await lin.locator('.context-tabs').getByRole('tab', { name: '时间线' }).click();
  await lin.locator('.timeline li', { hasText: '网页会话' }).waitFor();
  await lin.locator('.timeline li', { hasText: '催物流 A2025070101' }).waitFor();
  await lin.locator('.timeline li', { hasText: '投诉' }).filter({ hasText: '退款还是没到' }).waitFor();
  await shot(lin, 'phone-timeline');
  ask('hangup', 'mei');
});
must(complaints.size === 0, [...complaints].join('; '));
for (const [, page] of open) await page.context().close();
console.log('journey: a customer went all the way');
