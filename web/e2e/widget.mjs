// The customer's widget in the demo's shop, against a real server: the checks of pages.mjs that need
// no agent's page. By itself:
//
//   node e2e/widget.mjs --url http://127.0.0.1:8080 --password PASSWORD [--user admin] [--shots FOLDER]
//
// The server must show the shop (webchat.demo_shop). Articles, a privacy notice and the settings of the
// site are written by the checks.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flags, launch } from './browser.mjs';

const faq = join(import.meta.dirname, '..', '..', 'kb', 'testdata', 'faq', 'articles.jsonl');
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC', 'base64');

/** staff is an administrator by the API. */
async function staff({ url, user, password }) {
  const begun = await fetch(`${url}/api/v1/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: user, password }) });
  if (!begun.ok) throw new Error(`login: ${begun.status}`);
  const cookie = begun.headers.get('set-cookie').split(';')[0];
  const { csrf } = await begun.json();
  return async (method, path, body, type = 'application/json') => {
    const answer = await fetch(`${url}/api/v1${path}`, { method, headers: { Cookie: cookie, 'X-CSRF-Token': csrf, ...(body === undefined ? {} : { 'Content-Type': type }) }, body: body === undefined || type !== 'application/json' ? body : JSON.stringify(body) });
    if (!answer.ok && answer.status !== 409) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  };
}

/** settle waits for what fades in. */
const settle = (page) => page.evaluate(() => Promise.all([...(document.querySelector('#tingxin-widget')?.shadowRoot?.getAnimations() ?? [])].map((a) => a.finished.catch(() => undefined))));

const notice = (language) => ({ version: 'widget-1', language, purposes: ['service', 'analytics'], handler: language === 'zh' ? '青山小铺，privacy@shop.example' : 'Green Hill Shop, privacy@shop.example', kinds: language === 'zh' ? '您发送的消息和文件、您留下的联系方式' : 'your messages and files, the addresses that you give', retention: language === 'zh' ? '一年' : 'one year', rights: language === 'zh' ? '您可以随时查看、导出和删除' : 'see, export and delete it at any time' });

/** asked tells whether the bot, which learns new articles for a while, clears a question up already. */
async function asked(url, text) {
  const { token } = await (await fetch(`${url}/widget/session`, { method: 'POST', body: '{}' })).json();
  const headers = { Authorization: `Bearer ${token}` };
  const frames = [
    { type: 'consent', purpose: 'service', state: true, version: 'widget-1' },
    { type: 'msg', client_msg_id: 'warm', text },
  ];
  await fetch(`${url}/widget/send`, { method: 'POST', headers, body: JSON.stringify({ lang: 'zh-CN', frames }) });
  for (const end = Date.now() + 8000; Date.now() < end; ) {
    const { frames: got } = await (await fetch(`${url}/widget/poll?wait=0`, { headers })).json();
    const said = got.find((f) => f.from === 'bot');
    if (said) return said.choices?.some((c) => c.id.startsWith('article:'));
    await new Promise((done) => setTimeout(done, 300));
  }
  return false;
}

/** furnish writes what the checks need. */
async function furnish(tools) {
  const ask = await staff(tools);
  await ask('POST', '/kb/import?name=articles.jsonl&publish=true', readFileSync(faq), 'application/octet-stream');
  const { items } = await ask('GET', '/queues');
  if (!items.some((q) => q.id === 'support')) await ask('PUT', '/queues/support', { id: 'support', name: 'Support', members: [] });
  for (const language of ['zh', 'en']) await ask('POST', '/consent-notices', notice(language));
  await ask('PUT', '/channels/web/default', {
    name: 'Shop',
    enabled: true,
    settings: {
      title: { 'zh-CN': '青山小铺客服', en: 'Green Hill help' },
      greeting: { 'zh-CN': '您好！茶、茶具和订单的问题都可以问我。', en: 'Hello! Ask me about tea, pots and orders.' },
      questions: { 'zh-CN': ['怎么付'], en: ['How much is shipping?'] },
      color: '#2f6b3a',
      call: 'echo',
      call_back: true,
    },
  });
  return ask;
}

/** shop opens the page; the returned widget finds things in it. */
async function shop(tools, options = {}, lang = 'zh-CN') {
  const context = await launch({
    viewport: { width: 1280, height: 800 },
    permissions: ['microphone'],
    locale: lang,
    args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'],
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()) && wrong.push(message.text()));
  await page.addInitScript(() => {
    const Socket = globalThis.WebSocket;
    const open = [];
    let away = false;
    globalThis.cut = (on) => {
      away = on;
      for (const socket of open.splice(0)) socket.close();
    };
    globalThis.WebSocket = class extends Socket {
      constructor(url, ...rest) {
        super(away ? 'ws://127.0.0.1:9/' : url, ...rest);
        open.push(this);
      }
    };
  });
  await page.goto(`${tools.url}/demo/shop/?lang=${lang}`);
  const w = page.locator('#tingxin-widget');
  await w.locator('.launcher').waitFor();
  return { context, page, w, wrong, texts: () => w.locator('.say .bubble').allInnerTexts() };
}

/** accept reads the notice and agrees. */
async function accept(w) {
  await w.locator('.consent .main').click();
  await w.locator('.compose textarea').waitFor();
}

const say = async (w, text) => {
  await w.locator('.compose textarea').fill(text);
  await w.locator('.compose textarea').press('Enter');
};

export async function widgetChecks(tools) {
  const { url, check, must, until, accessible, noOverflow } = tools;
  const shot = (page, name) => tools.pictures && page.screenshot({ path: join(tools.pictures, `widget-${name}.png`) });
  let ask;
  await check('the widget: what it needs is set', async () => {
    ask = await furnish(tools);
    await until('the notice holds', async () => (await (await fetch(`${url}/widget/site?lang=zh`)).json()).notice?.version === 'widget-1', 15_000);
    await until('articles are answered from', async () => (await ask('POST', '/kb/ask', { question: '怎么付', lang: 'zh' })).decision === 'clarify', 120_000);
    await until('the bot has learned them', () => asked(url, '怎么付'), 120_000);
    await until('articles are popular', async () => (await (await fetch(`${url}/widget/site?lang=zh`)).json()).popular?.length > 0, 15_000);
  });
  if (!ask) return;

  const { context, page, w, wrong, texts } = await shop(tools);
  let conversation;
  const find = async () => {
    const { items } = await ask('GET', '/conversations?box=all&limit=1');
    return items[0];
  };

  await check('the widget: a doubtful question in Chinese waits for the notice, is cleared up by a button and answered with its source', async () => {
    await w.locator('.launcher').click();
    await w.locator('.list button').first().waitFor();
    await shot(page, 'home-zh');
    await w.locator('.list button').first().click();
    await w.locator('.consent .main').waitFor();
    must(!(await w.locator('.compose').isVisible()), 'one may write before the notice is accepted');
    await shot(page, 'notice-zh');
    await accept(w);
    await until('the question stands in the thread', async () => (await texts())[0]?.includes('怎么付'));
    conversation = await find();
    const button = w.locator('.choices button:not([disabled])').first();
    await button.waitFor({ timeout: 40_000 });
    const label = await button.innerText();
    await shot(page, 'choices-zh');
    await button.click();
    await w.locator('a.meta').waitFor({ timeout: 20_000 });
    must((await texts()).some((t) => t.includes(label)), 'the choice does not stand in the thread');
    must((await w.locator('.say').filter({ hasText: label }).first().locator('.choices button:not([disabled])').count()) === 0, 'the buttons may be pressed again');
    must(conversation.consent?.version === 'widget-1', 'the conversation has no consent');
    const { lines } = await ask('GET', `/contacts/${await until('the contact', async () => (await find()).contact_id)}/consents`);
    must(lines.some((l) => l.purpose === 'service' && l.state === 'given' && l.notice === 'widget-1' && l.channel === 'web'), `ledger ${JSON.stringify(lines)}`);
    return label;
  });

  await check('the widget: the network is cut in the middle; nothing is lost or doubled', async () => {
    await context.setOffline(true);
    try {
      await page.evaluate(() => globalThis.cut(true));
      await say(w, '断网时写的一');
      await say(w, '断网时写的二');
      await until('both wait', async () => (await w.locator('[data-state=sending]').count()) >= 2);
    } finally {
      await page.evaluate(() => globalThis.cut(false));
      await context.setOffline(false);
    }
    await until('both have arrived', async () => (await w.locator('[data-state]').count()) === 0 && (await texts()).filter((t) => t.includes('断网时写的')).length === 2, 20_000);
    await page.reload();
    await w.locator('.say').first().waitFor();
    await until('the thread is whole after the page was loaded anew', async () => (await texts()).filter((t) => t.includes('断网时写的')).length === 2);
    const { items } = await ask('GET', `/conversations/${conversation.id}/messages`);
    must(items.filter((m) => m.text.startsWith('断网时写的')).length === 2, 'not two rows');
  });

  await check('the widget: a picture is shown small, another type is refused', async () => {
    await w.locator('input[type=file]').setInputFiles({ name: '壶.png', mimeType: 'image/png', buffer: png });
    await until('the picture is there', async () => (await w.locator('.me a.file img').count()) === 1 || (await w.locator('.me a.file').count()) === 1, 15_000);
    await w.locator('input[type=file]').setInputFiles({ name: 'run.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') });
    await w.locator('.meta.bad').waitFor();
    await w.locator('.meta.bad button').last().click();
    must((await w.locator('.meta.bad').count()) === 0, 'the refused file stays');
  });

  await check('the widget: a person is asked for, writes, and has read', async () => {
    const human = w.locator('.foot .human');
    if ((await human.getAttribute('aria-disabled')) !== 'true') await human.click(); // else the bot has given up by itself
    await until('the place in line is told', async () => (await w.locator('.bar').innerText()).includes('第 '), 20_000);
    await shot(page, 'waiting-zh');
    const me = await ask('GET', '/session');
    await ask('POST', `/conversations/${conversation.id}/assign`, { user: Number(me.user.id) });
    await ask('POST', `/conversations/${conversation.id}/messages`, { text: '您好，我来帮您看看。', client_id: `e2e-${Date.now()}` });
    await until('the answer is shown', async () => (await texts()).some((t) => t.includes('我来帮您看看')), 15_000);
    must((await w.locator('.head .sub').innerText()).length > 0, 'who answers is not told');
    await say(w, '谢谢');
    const last = await until('the message is stored', async () => (await ask('GET', `/conversations/${conversation.id}/messages`)).items.findLast((m) => m.text === '谢谢'));
    await ask('POST', `/conversations/${conversation.id}/read`, { message: last.id });
    await w.locator('[data-mark=seen]').waitFor();
    await shot(page, 'talk-zh');
    await accessible(page);
  });

  await check('the widget: rated once after the close', async () => {
    await ask('POST', `/conversations/${conversation.id}/close`, {});
    await w.locator('.rating').waitFor({ timeout: 15_000 });
    await w.locator('.rating input[value="4"]').check({ force: true });
    await w.locator('.rating .chips input').first().check({ force: true });
    await shot(page, 'rating-zh');
    await accessible(page);
    await w.locator('.rating textarea').fill('很快');
    await w.locator('.rating .main').click();
    await until('the rating is kept', async () => (await ask('GET', `/conversations/${conversation.id}`)).rating === 4);
    await page.reload();
    await w.locator('.say').first().waitFor();
    await page.waitForTimeout(300);
    must((await w.locator('.rating').count()) === 0, 'it asks again');
  });

  await check('the widget: a complaint arrives', async () => {
    await w.locator('.head .icon-more').click();
    await w.locator('.list button').first().click();
    await w.locator('textarea[name=text]').fill('壶盖有裂纹，很失望。');
    await w.locator('form .main').click();
    await w.locator('.done').first().waitFor({ timeout: 15_000 });
    const { items } = await ask('GET', `/conversations/${(await find()).id}/messages`);
    must(items.some((m) => m.kind === 'complaint' && m.text.includes('裂纹')), 'no complaint in the thread');
  });

  await check('the widget: a call without an account reaches the number of the site, hears it, and hangs up', async () => {
    await page.keyboard.press('Escape');
    await w.locator('.head .icon-back').click();
    await w.locator('.ways button').first().click();
    await w.locator('[data-act=call]').click();
    await w.locator('.clock').waitFor({ timeout: 20_000 });
    const own = await find();
    const running = await until('the call is known', async () => (await ask('GET', '/calls?limit=5')).items.find((c) => c.from === `web-${own.key}`) ?? (await ask('GET', '/live-calls').catch(() => ({ items: [] }))).items?.find((c) => c.from === `web-${own.key}`), 10_000);
    await w.locator('[data-act=mute]').click();
    must((await w.locator('[data-act=mute]').getAttribute('aria-pressed')) === 'true', 'not muted');
    await shot(page, 'call-zh');
    await accessible(page);
    await w.locator('[data-act=hang]').click();
    await until('it is over', async () => (await w.locator('[data-act=call]').count()) === 1);
    const ended = await until('its record', async () => (await ask('GET', `/calls/${running.id}`)).state === 'ended' && ask('GET', `/calls/${running.id}`), 10_000);
    must(ended.contact_id === own.contact_id || ended.contact === own.contact_id, `the call is of contact ${JSON.stringify(ended.contact_id ?? ended.contact)}, the conversation of ${own.contact_id}`);
    const { items } = await ask('GET', `/conversations/${own.id}/messages`);
    must(items.some((m) => m.kind === 'event' && m.data?.event === 'called' && m.data.with.call === running.id), 'the conversation does not know the call');
    must(wrong.length === 0, wrong.join('; '));
    return ended.route;
  });
  await context.close();

  await check('the widget: by long polling where no WebSocket comes through, by keyboard alone', async () => {
    const { context, page, w, texts, wrong } = await shop(tools, { viewport: { width: 320, height: 640 } }, 'en');
    await page.addInitScript(() => {
      globalThis.WebSocket = class {
        constructor() {
          setTimeout(() => this.onclose?.(), 20);
        }
        close() {
          /* closed from the beginning */
        }
      };
    });
    await page.reload();
    await w.locator('.launcher').waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className ?? '');
    for (let i = 0; i < 20 && !(await focused()).includes('launcher'); i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until('the focus is in the panel', async () => (await focused()).includes('main'));
    await accessible(page);
    await noOverflow(page);
    await shot(page, 'home-en-320');
    await page.keyboard.press('Enter');
    await w.locator('.consent .main').waitFor({ timeout: 15_000 });
    await until('the focus is on accepting', async () => (await focused()).includes('main'));
    await page.keyboard.press('Enter');
    await until('one may write', async () => (await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.tagName)) === 'TEXTAREA', 15_000);
    await page.keyboard.type('How much is shipping?');
    await page.keyboard.press('Enter');
    await until('the bot answers', async () => (await w.locator('.say:not(.me)').count()) > 0, 25_000);
    must((await texts()).filter((t) => t.includes('How much is shipping')).length === 1, 'doubled');
    await shot(page, 'talk-en-320');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    must((await focused()).includes('human'), 'the button for a person does not follow');
    await page.keyboard.press('Enter');
    await until('the bar tells of waiting', async () => (await w.locator('.bar').innerText()).length > 0, 20_000);
    await page.keyboard.press('Escape');
    await until('the focus is back on the button', async () => (await focused()).includes('launcher'));
    must(wrong.length === 0, wrong.join('; '));
    await context.close();
  });

  await check('the widget: a message left, and how its ticket stands', async () => {
    const { context, page, w } = await shop(tools, { colorScheme: 'dark' }, 'en');
    await w.locator('.launcher').click();
    await shot(page, 'home-en-dark');
    await accessible(page);
    await w.locator('.ways button', { hasText: 'Leave a message' }).click();
    const fill = async () => {
      await w.locator('input[name=email]').fill('mei@shop.example');
      await w.locator('textarea[name=text]').fill('Do you have the blue pot?');
      await w.locator('form .main').click();
    };
    await fill();
    await w.locator('.consent .main').waitFor();
    await settle(page);
    await accessible(page);
    await shot(page, 'notice-en-dark');
    await w.locator('.consent .main').click();
    await w.locator('input[name=email]').waitFor();
    await fill();
    const ref = (await w.locator('.done').first().innerText()).replace(/\D/g, '');
    await w.locator('.head .icon-back').click();
    await w.locator('.ways button', { hasText: 'Ticket status' }).click();
    await w.locator('input[name=ref]').fill(ref);
    await w.locator('input[name=check]').fill('somebody@else.example');
    await w.locator('form .main').click();
    await until('another address is refused', async () => (await w.locator('.fault[role=alert]').innerText()).length > 0);
    await w.locator('input[name=check]').fill('Mei@shop.example');
    await w.locator('form .main').click();
    await w.locator('.said .done').waitFor();
    await shot(page, 'ticket-en-dark');
    await accessible(page);
    await context.close();
    return `ticket ${ref}`;
  });
}

if (process.argv[1] === import.meta.filename) {
  const { parseArgs } = await import('node:util');
  const { createRequire } = await import('node:module');
  const { values } = parseArgs({ options: { url: { type: 'string' }, user: { type: 'string', default: 'admin' }, password: { type: 'string' }, shots: { type: 'string' } } });
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  let failed = 0;
  const must = (truth, words) => {
    if (!truth) throw new Error(words);
  };
  const until = async (words, look, limit = 10_000) => {
    for (const end = Date.now() + limit; ; ) {
      const answer = await look();
      if (answer) return answer;
      if (Date.now() > end) throw new Error(`${words}: not within ${limit / 1000} s`);
      await new Promise((done) => setTimeout(done, 40));
    }
  };
  await widgetChecks({
    url: values.url,
    user: values.user,
    password: values.password,
    pictures: values.shots,
    must,
    until,
    check: async (name, run) => {
      const began = Date.now();
      try {
        console.log(`ok    ${name}: ${(await run()) ?? ''} (${Date.now() - began} ms)`);
      } catch (error) {
        failed++;
        console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n').slice(0, 5).join(' | ')}`);
      }
    },
    accessible: async (page) => {
      await settle(page);
      await page.evaluate(axe).catch(() => undefined);
      // The page's own policy lets no foreign script in; the debugger's way does.
      const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
      const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      must(grave.length === 0, grave.map((v) => `${v.id} ${v.nodes.slice(0, 3).map((n) => `${n.target.flat().join(' ')} ${n.any[0]?.data?.contrastRatio ?? ''}`).join(', ')}`).join('; '));
    },
    noOverflow: async (page) => {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      must(wide <= 0, `${wide} px too wide`);
    },
  });
  process.exit(failed > 0 ? 1 : 0);
}
