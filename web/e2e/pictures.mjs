// Takes the pictures of docs/pages.md and README.md: every page in Chinese (light) and English (dark), as an agent at
// a screen of 1366 by 768 sees it, from a server of its own that is filled with made-up months and a day's work.
//
//   npm --prefix web run pictures            starts bin/pbx demo, writes docs/pictures/*.webp and docs/pages.md
//   ONLY=desk,inbox ...                      only those whose names begin so; docs/pages.md stays
//   TINGXIN_URL, TINGXIN_USER, TINGXIN_PASSWORD   a server that runs already; FURNISH=1 fills it
//   TINGXIN_PICTURES=FOLDER                  elsewhere; docs/pages.md stays
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flags, launch, prefer } from './browser.mjs';
import { furnish } from './furnish.mjs';
import { must, staff, still, until } from './tools.mjs';

const env = process.env;
const root = join(import.meta.dirname, '..', '..');
const folder = env.TINGXIN_PICTURES ?? join(root, 'docs', 'pictures');
const only = env.ONLY?.split(',');
const user = env.TINGXIN_USER ?? 'admin';
const password = env.TINGXIN_PASSWORD ?? 'tingxin-demo';
/** What a picture may weigh, and all of them, bytes. */
const most = 26_000;
const mostOfAll = 3_100_000;
const scale = 0.75;
mkdirSync(folder, { recursive: true });

/** The pages in the order of the gallery: [name, Chinese, English, where or how]. */
const gallery = [
  ['工作', 'Work', [
    ['desk', '工作台：通话、聊天和工单在一页', 'The desk: a call, chats and a ticket on one page'],
    ['desk-call', '自己的通话：说话时文字就出现', 'One’s own call: the words appear while one speaks'],
    ['desk-ring', '来电，在任何页面', 'A call rings, on any page'],
    ['desk-ticket', '工作台上的工单', 'A ticket at the desk'],
    ['palette', '所有操作：Ctrl+K', 'Every action: Ctrl+K'],
    ['live', '实时通话', 'A call being heard'],
    ['inbox', '收件箱', 'Inbox'],
    ['calls', '通话记录', 'Calls', '/calls'],
    ['call', '一次通话：录音播放时文字随之点亮', 'One call: the words light up as the recording plays'],
    ['calls-search', '在说过的话里搜索', 'Search in what was said'],
    ['callbacks', '回电', 'Call-backs', '/calls/callbacks'],
    ['voicemail', '语音留言', 'Voicemail', '/calls/voicemail'],
    ['surveys', '电话调查', 'Surveys after calls', '/calls/surveys'],
    ['call-lists', '外呼名单', 'Call lists', '/calls/lists'],
    ['call-list', '一个外呼名单', 'One call list'],
    ['tickets', '工单', 'Tickets', '/tickets'],
    ['ticket', '一张工单', 'One ticket'],
    ['feedback', '评价', 'Feedback', '/feedback'],
    ['cases', '客诉', 'Cases', '/feedback?tab=cases'],
    ['case', '一个客诉', 'One case'],
    ['causes', '原因', 'Causes', '/feedback?tab=causes'],
    ['feedback-surveys', '问客户怎么样、会不会推荐', 'Asking customers how it was', '/feedback?tab=surveys'],
    ['contacts', '联系人', 'Contacts', '/contacts'],
    ['contact', '一位联系人', 'One contact'],
  ]],
  ['知识与机器人', 'Knowledge and the bot', [
    ['kb', '文章', 'Articles', '/kb'],
    ['article', '一篇文章，旁边是试问', 'One article, with the test box beside it'],
    ['thresholds', '阈值', 'Thresholds', '/kb/thresholds'],
    ['suggestions', '建议', 'Suggestions', '/kb/suggestions'],
    ['unanswered', '没有答好的问题', 'Unanswered', '/kb/unanswered'],
    ['health', '健康', 'Health', '/kb/health'],
    ['snippets', '常用语', 'Snippets', '/kb/snippets'],
    ['scripts', '话术', 'Scripts', '/kb/scripts'],
    ['practice', '练习', 'Practice', '/kb/practice'],
    ['bot', '机器人：试一试，看它为什么这样答', 'The bot: try it, and see why it answers so', '/bot'],
    ['bot-intents', '意图', 'Intents', '/bot?tab=intents'],
    ['bot-policy', '何时转人工', 'When a person takes over', '/bot?tab=policy'],
    ['bot-tools', '工具', 'Tools', '/bot?tab=tools'],
    ['bot-report', '机器人的份额', 'The bot’s share', '/bot?tab=report'],
  ]],
  ['看全局', 'Watch', [
    ['queues', '队列', 'Queues', '/queues'],
    ['mood', '情绪', 'Mood', '/mood'],
    ['reports', '报表', 'Reports', '/reports?days=30&before=true'],
    ['reports-list', '每个数字背后的列表', 'The list behind each number'],
    ['wall', '墙上的看板', 'The board on the wall', '/wall'],
    ['system', '系统', 'System', '/system'],
  ]],
  ['管理', 'Administration', [
    ['admin-numbers', '号码', 'Numbers', '/admin/numbers'],
    ['admin-flows', '流程', 'Flows', '/admin/flows'],
    ['admin-flow', '一个流程：文本和图', 'One flow: its text and its picture'],
    ['admin-prompts', '提示音', 'Prompts', '/admin/prompts'],
    ['admin-hours', '营业时间', 'Opening hours', '/admin/hours'],
    ['admin-trunks', '中继', 'Trunks', '/admin/trunks'],
    ['admin-outbound', '出局路由', 'Outbound routes', '/admin/outbound'],
    ['admin-media', '媒体', 'Media', '/admin/media'],
    ['admin-alert-rules', '告警规则', 'Alert rules', '/admin/alert-rules'],
    ['admin-channels', '渠道', 'Channels', '/admin/channels'],
    ['admin-rules', '自动化规则', 'Rules', '/admin/rules'],
    ['admin-macros', '宏', 'Macros', '/admin/macros'],
    ['admin-ticket-templates', '工单模板', 'Templates of tickets', '/admin/ticket-templates'],
    ['admin-webhooks', 'Webhook', 'Webhooks', '/admin/webhooks'],
    ['admin-kiosks', '看板令牌', 'Boards', '/admin/kiosks'],
    ['admin-import', '导入导出', 'Import', '/admin/import'],
    ['admin-teams', '团队：各角色能看多远、什么被遮住', 'Teams: how far each role sees, and what is masked', '/admin/teams'],
    ['admin-logins', '登录要求', 'What logins must have', '/admin/logins'],
    ['admin-audit', '审计日志', 'Audit log', '/admin/audit'],
    ['settings', '个人设置和快捷键', 'One’s own account and keys', '/settings'],
    ['settings-security', '自己的安全', 'One’s own security', '/settings?tab=security'],
    ['settings-users', '用户', 'Users', '/settings?tab=users'],
    ['settings-queues', '队列设置', 'Queues, set up', '/settings?tab=queues'],
    ['settings-agents', '坐席', 'Agents', '/settings?tab=agents'],
    ['settings-retention', '保留期限', 'Retention', '/settings?tab=retention'],
    ['login', '登录', 'Login'],
  ]],
  ['客户那边', 'The customer’s side', [
    ['shop', '网店里的客服窗口', 'The widget in a shop'],
    ['help', '帮助中心', 'Help centre'],
    ['phone', '窄屏：一次通话', 'Narrow: a call'],
    ['phone-desk', '窄屏：工作台', 'Narrow: the desk'],
  ]],
];

const places = Object.fromEntries(gallery.flatMap(([, , of]) => of.filter(([, , , path]) => path).map(([name, , , path]) => [name, path])));
const wanted = (name) => !only || only.some((part) => name.startsWith(part));
const looks = [
  ['zh', 'zh-CN', 'light'],
  ['en', 'en', 'dark'],
];

/** serve starts a demo with made-up months in it, and is back when its pages can be asked. */
async function serve() {
  const data = mkdtempSync(join(tmpdir(), 'tingxin-pictures-'));
  chmodSync(data, 0o755); // the database may run as somebody else
  // pbx takes TINGXIN_... for settings of its own.
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TINGXIN_')));
  const start = async () => {
    const pbx = spawn(join(root, 'bin', 'pbx'), ['demo', '--data', data], { cwd: root, env: own, stdio: ['ignore', 'pipe', 'inherit'] });
    const end = () => pbx.kill('SIGTERM');
    process.once('exit', end);
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
    let said = '';
    pbx.stdout.on('data', (bytes) => (said += bytes));
    const at = await until('the demo', () => (must(pbx.exitCode === null, `the demo ended: ${said}`), /Pages *(http\S+)/.exec(said)?.[1]), 120_000);
    return { at, stop: () => new Promise((done) => (pbx.once('exit', done), pbx.kill('SIGTERM'))) };
  };
  const first = await start();
  const cluster = join(data, 'postgres');
  const place = existsSync(join(cluster, 'LOCATION')) ? readFileSync(join(cluster, 'LOCATION'), 'utf8').trim() : cluster;
  const seeded = spawnSync(join(root, 'bin', 'pbx'), ['seed', '--force', '--days', '45', '--messages', '6000', '--calls', '500', '--agents', '8', '--database', `host='${join(place, 'run')}' port=5432 user=tingxin dbname='tingxin' sslmode=disable`], { encoding: 'utf8', env: own });
  if (seeded.status !== 0) throw new Error(`pbx seed: ${seeded.stderr}`);
  await first.stop();
  const { at, stop } = await start(); // with what is in the database now
  return { at, stop: async () => (await stop(), rmSync(data, { recursive: true, force: true })) };
}

let taken = 0;
let failed = 0;

/** shoot takes a picture as WebP, as good as its weight allows. */
async function shoot(page, file, options = {}) {
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
  await page.waitForFunction(() => !document.querySelector('.waiting, .ant-spin-spinning'), null, { timeout: 4000 }).catch(() => undefined);
  await still(page, 1200);
  const { width, height } = page.viewportSize();
  const camera = await page.context().newCDPSession(page);
  for (const quality of [80, 68, 56, 44, 32, 20]) {
    const { data } = await camera.send('Page.captureScreenshot', { format: 'webp', quality, clip: { x: 0, y: 0, width, height, scale: options.scale ?? scale } });
    const bytes = Buffer.from(data, 'base64');
    if (bytes.length > most && quality > 20) continue;
    writeFileSync(join(folder, `${file}.webp`), bytes);
    break;
  }
  await camera.detach();
  taken++;
}

/** part takes the pictures of one page in its looks, and goes on whatever happens. */
async function part(names, run) {
  if (!names.some(wanted)) return;
  const began = Date.now();
  try {
    await run();
    console.log(`ok    ${names.join(' ')} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${names.join(' ')}: ${String(error?.message ?? error).split('\n').slice(0, 3).join(' | ')}`);
  }
}

const server = env.TINGXIN_URL ? { at: env.TINGXIN_URL.replace(/\/$/, ''), stop: async () => undefined } : await serve();
const url = server.at;
const voice = join(root, 'build', 'caller');
const sound = existsSync(voice) && readdirSync(voice).sort().find((name) => name.endsWith('.wav'));
const withMicrophone = {
  permissions: ['microphone'],
  args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection', ...(sound ? [`--use-file-for-fake-audio-capture=${join(voice, sound)}`] : [])],
};
const viewport = { width: 1366, height: 768 };
/** What a page may take on a busy machine, ms. */
const patience = 60_000;

/** pair are the pages of an administrator, one in each look. */
const pair = [];
for (const [short, language, theme] of looks) {
  const context = await launch({ viewport, ...withMicrophone, locale: language });
  await prefer(context, language, theme);
  pair.push({ short, language, context, ...(await staff(context, { url, user, password, patience })) });
}
const [{ ask, page: first, csrf }] = pair;
const each = (run) => Promise.all(pair.map((one) => run(one.page, one)));
const both = (name, path, ready) =>
  part([name], () =>
    each(async (page, { short }) => {
      await page.goto(url + path);
      await ready?.(page);
      await shoot(page, `${name}-${short}`);
    }),
  );
const json = async (answer) => (await answer).json();

if (!env.TINGXIN_URL || env.FURNISH) await furnish(url, first.request, ask, csrf, [{ name: 'articles.jsonl', bytes: readFileSync(join(root, 'kb', 'testdata', 'faq', 'articles.jsonl')) }]);

// A call that rings in is watched while it lasts: the words grow in both languages of the page at once.
await part(['live', 'call', 'calls-search'], async () => {
  await each(async (page, { short }) => {
    await page.goto(`${url}/live`);
    await page.locator('.call-card:not(.call-ended) .call-who').first().click({ timeout: 120_000 });
    await page.waitForFunction(() => document.querySelectorAll('.settled').length >= 4 && (document.querySelector('.growing')?.textContent.length ?? 0) > 16, null, { timeout: 60_000 }).catch(() => undefined);
    await shoot(page, `live-${short}`);
  });
  await each(async (page, { short }) => {
    await page.locator('.thread-ended a, .empty a').first().click({ timeout: 90_000 });
    await page.waitForSelector('.transcript .w');
    await page.locator('.transcript .w').nth(30).click();
    await page.waitForSelector('.w.lit');
    await page.evaluate(() => document.activeElement?.blur());
    await page.waitForTimeout(1500);
    await page.keyboard.press('Space');
    await shoot(page, `call-${short}`);
  });
  await each(async (page, { short }) => {
    await page.goto(`${url}/calls?q=${short === 'zh' ? encodeURIComponent('退款') : 'leisure'}`);
    await page.waitForSelector('.archive-row mark');
    await shoot(page, `calls-search-${short}`);
  });
});

// An agent with a call, chats and a ticket at once.
const agent = { user: 'lin', password: 'a good picture day' };
await part(['desk', 'desk-call', 'desk-ring', 'desk-ticket', 'palette', 'phone', 'phone-desk'], async () => {
  const context = await launch({ viewport, ...withMicrophone });
  await prefer(context, 'zh-CN', 'light');
  const { page, ask: asLin } = await staff(context, { url, ...agent, patience });
  await page.waitForSelector('.phone-state[data-registration=registered]');
  await asLin('PUT', '/agents/me/state', { state: 'available' });
  // Who is not there keeps nothing.
  const id = Number((await json(ask('GET', '/users'))).items.find((one) => one.username === agent.user).id);
  const open = (await json(ask('POST', '/conversations/list', { filter: { all: [{ field: 'state', op: 'is', value: 'open' }, { field: 'channel', op: 'is', value: 'web' }] }, limit: 10 }))).items;
  for (const one of open.sort((a, b) => b.id - a.id).slice(0, 4)) await ask('POST', `/conversations/${one.id}/assign`, { user: id });
  const [ticket, ...others] = (await Promise.all(['Kettle', '退款没有到账'].map((q) => json(ask('GET', `/tickets?q=${encodeURIComponent(q)}`))))).flatMap(({ items }) => items.slice(0, 1).map((one) => one.id));
  for (const one of [ticket, ...others]) await ask('PATCH', `/tickets/${one}`, { assignee: id });
  /** turns are the same moment in both looks: without a reload, which would cut the call. */
  const turns = async (name, options) => {
    for (const [short, language, theme] of looks) {
      await page.evaluate(() => document.activeElement?.blur());
      const now = await page.evaluate(() => document.documentElement.lang);
      if (now !== language) {
        await page.keyboard.press('Control+k');
        await page.fill('.palette-input', language === 'en' ? 'English' : '中文');
        await page.keyboard.press('Enter');
        await page.waitForFunction((want) => document.documentElement.lang === want, language);
      }
      if ((await page.evaluate(() => document.documentElement.dataset.theme)) !== theme) {
        await page.keyboard.press('Control+k');
        await page.fill('.palette-input', language === 'en' ? (theme === 'dark' ? 'Dark' : 'Light') : theme === 'dark' ? '深色' : '浅色');
        await page.keyboard.press('Enter');
        await page.waitForFunction((want) => document.documentElement.dataset.theme === want, theme);
      }
      await options?.ready?.();
      await shoot(page, `${name}-${short}`, options);
      await options?.after?.();
    }
  };
  await page.goto(`${url}/desk`);
  await page.waitForSelector('.phone-state[data-registration=registered]');
  await page.fill('.desk-dial input', 'default');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.bar-line[data-phase=talking]');
  if (sound) await page.waitForFunction(() => document.querySelectorAll('.desk-main .settled').length >= 3, null, { timeout: 60_000 });
  await turns('desk-call');
  await page.locator('.work-row[data-key^="chat:"]').first().click();
  await page.waitForSelector('.inbox-in');
  await turns('desk');
  await turns('palette', { ready: async () => (await page.keyboard.press('Control+k'), page.waitForSelector('.palette-input:focus')), after: () => page.keyboard.press('Escape') });
  await page.setViewportSize({ width: 390, height: 844 });
  await turns('phone-desk', { scale: 1 });
  await page.setViewportSize(viewport);
  await page.goto(`${url}/desk?ticket=${ticket}`);
  await page.waitForSelector('.desk-ticket .ticket-thread');
  await turns('desk-ticket');
  // Somebody else rings.
  await page.goto(`${url}/calls`);
  await page.waitForSelector('.phone-state[data-registration=registered]');
  await first.goto(`${url}/desk`);
  await first.waitForSelector('.phone-state[data-registration=registered]');
  await first.fill('.desk-dial input', agent.user);
  await first.keyboard.press('Enter');
  await page.waitForSelector('.bar-line[data-phase=incoming]');
  await turns('desk-ring');
  await first.keyboard.press('Control+Shift+KeyX');
  await context.close();
});

/** firstOf follows the first link of a list. */
const opened = (name, path, link, ready) =>
  both(name, path, async (page) => {
    await page.locator(link).first().click();
    await page.waitForSelector(ready);
  });
await both('inbox', '/inbox?box=open', async (page) => {
  await page.locator('.inbox-row').first().click();
  await page.waitForSelector('.inbox-in');
});
await opened('ticket', '/tickets?q=Kettle', 'main a[href^="/tickets/"]', '.ticket-thread');
await opened('call-list', '/calls/lists', '.call-list-row', '.call-entry');
await opened('case', '/feedback?tab=cases', '.case-row', '.case-next-step');
await opened('contact', `/contacts?q=${encodeURIComponent('李晓梅')}`, 'main a[href^="/contacts/"]', '.timeline');
await both('article', `/kb?q=${encodeURIComponent('退货')}&lang=zh`, async (page) => {
  await page.locator('.kb-row').first().click();
  await page.fill('.kb-tool .ant-input', '买的东西怎么退');
  await page.press('.kb-tool .ant-input', 'Enter');
  await page.waitForSelector('.kb-decided');
});
await opened('reports-list', '/reports?days=30&cut=channel', 'button.figure-link', '.behind-line');
await opened('admin-flow', '/admin/flows', 'main a[href^="/admin/flows/"]', '.admin-body svg');
await part(['bot'], () =>
  each(async (page, { short }) => {
    await page.goto(`${url}/bot`);
    await page.locator('.bot-composer :is(input, textarea)').fill(short === 'zh' ? '怎么申请退货？' : 'How do I return something?');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.bot-bars');
    await shoot(page, `bot-${short}`);
  }),
);
for (const [name, path] of Object.entries(places)) if (name !== 'bot') await both(name, path, name === 'system' ? (page) => page.waitForTimeout(5000) : name === 'wall' ? (page) => page.waitForSelector('.wall-queue') : undefined);

await part(['login', 'shop', 'help', 'phone'], () =>
  Promise.all(
    looks.map(async ([short, language, theme]) => {
      const context = await launch({ viewport, locale: language, colorScheme: theme });
      await prefer(context, language, theme);
      const page = await context.newPage();
      await page.goto(`${url}/login`);
      await page.waitForSelector('input[name=username]');
      await shoot(page, `login-${short}`);
      await page.goto(`${url}/help/${short}`);
      await shoot(page, `help-${short}`);
      await page.goto(`${url}/demo/shop/?lang=${language}`);
      const widget = page.locator('#tingxin-widget');
      await widget.locator('.launcher').click();
      const [popular, agree, write] = [widget.locator('.list button').first(), widget.locator('.consent .main'), widget.locator('.compose textarea')];
      await popular.or(agree).or(write).first().waitFor();
      if (await popular.isVisible()) await popular.click();
      await agree.or(write).first().waitFor();
      if (await agree.isVisible()) await agree.click();
      await write.fill(short === 'zh' ? '支持哪些付款方式？' : 'How do I return something?');
      await write.press('Enter');
      await widget.locator('.say .bubble').nth(2).waitFor({ timeout: 10_000 }).catch(() => undefined);
      await shoot(page, `shop-${short}`);
      await context.close();
    }),
  ),
);
await part(['phone'], () =>
  each(async (page, { short }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${url}/calls`);
    await page.locator('.archive-row:has(.archive-disc)').first().click();
    await page.waitForSelector('.transcript .w');
    await shoot(page, `phone-${short}`, { scale: 1 });
    await page.setViewportSize(viewport);
  }),
);

for (const { context } of pair) await context.close();
await server.stop();

const there = (name) => existsSync(join(folder, `${name}.webp`));
if (!only && !env.TINGXIN_PICTURES && failed === 0) {
  const lines = ['# 所有页面 · All pages', '', 'Made by `npm --prefix web run pictures`; Chinese in the light theme, English in the dark one. 由 `npm --prefix web run pictures` 生成。', ''];
  for (const [zh, en, of] of gallery) {
    lines.push(`## ${zh} · ${en}`, '', '| | |', '|---|---|');
    for (const [name, chinese, english] of of) {
      if (there(`${name}-zh`) && there(`${name}-en`)) lines.push(`| ${chinese} | ${english} |`, `| ![](pictures/${name}-zh.webp) | ![](pictures/${name}-en.webp) |`);
    }
    lines.push('');
  }
  writeFileSync(join(root, 'docs', 'pages.md'), lines.join('\n'));
}
const weights = readdirSync(folder).filter((name) => name.endsWith('.webp')).map((name) => statSync(join(folder, name)).size);
const whole = weights.reduce((sum, n) => sum + n, 0);
if (whole > mostOfAll) {
  failed++;
  console.log(`FAIL  the pictures weigh ${whole} bytes; they may weigh ${mostOfAll}`);
}
console.log(`pictures: ${taken} taken, ${failed} failed; ${weights.length} weigh ${Math.round(whole / 1000)} kB, the heaviest ${Math.round(Math.max(0, ...weights) / 1000)} kB`);
process.exit(failed > 0 ? 1 : 0);
