// A contact centre in browsers: an agent takes a queue's call, a supervisor looks on, a colleague
// helps. Each has a microphone that says a tone of its own; the customers' tones and what they
// hear are e2e/calls_test.go's, which runs this and reads from its output what a customer does.
//
//   TINGXIN_URL        the server
//   TINGXIN_TONES      folder of lin.wav, sun.wav and bo.wav
//   TINGXIN_SPEECH     folder of recorded sentences, for the heavy variant
//   TINGXIN_PICTURES   where pictures go
//   TINGXIN_E2E_FULL   1: all of it
//
// Prints one line per check, and lines beginning with "> " for who runs it.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { flags, launch, prefer } from './browser.mjs';

const env = process.env;
const url = env.TINGXIN_URL.replace(/\/$/, '');
const full = env.TINGXIN_E2E_FULL === '1';
const pictures = env.TINGXIN_PICTURES;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(pictures, { recursive: true });
const hz = { customer: 2392, lin: 700.5, sun: 1131, bo: 1589 };

let failed = 0;
async function check(name, run) {
  const began = Date.now();
  try {
    const said = await run();
    console.log(`ok    ${name}${said ? `: ${said}` : ''} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}: ${String(error?.message ?? error).split('\n').slice(0, 4).join(' | ')}`);
  }
}

const ask = (...words) => console.log(`> ${words.join('|')}`);

/** The customer must hear those tones, and not the others, from now on for `ms`. */
async function hears(customer, label, present, absent, ms = 900) {
  const from = Date.now() + 250;
  await new Promise((resolve) => setTimeout(resolve, ms + 250));
  ask('hear', customer, label, present.map((who) => hz[who]).join(','), absent.map((who) => hz[who]).join(','), from, from + ms - 150);
}

async function until(words, look, limit = 10_000) {
  for (const end = Date.now() + limit; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${words}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

/** spy keeps the page's remote sounds, connections and feeds, and takes the microphone as it is: tones are no noise here. */
function spy() {
  globalThis.spied = { heard: [], peers: [] };
  const Peer = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args);
      globalThis.spied.peers.push(this);
      this.addEventListener('track', (event) => globalThis.spied.heard.push(event.streams[0] ?? new MediaStream([event.track])));
    }
  };
  const media = navigator.mediaDevices;
  const open = media?.getUserMedia.bind(media);
  if (open) media.getUserMedia = (wanted) => open(wanted.audio ? { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } } : wanted);
}

/**
 * levels are the loudest of each tone in the newest remote sound that still runs, over `ms`, dB.
 * One AudioContext listens for the page's whole life: one that is made anew each time may, on a
 * busy machine, not have begun before it is closed again.
 */
const levels = (page, tones, ms) =>
  page.evaluate(
    async ([wanted, time]) => {
      const { spied } = globalThis;
      const stream = spied.heard.findLast((s) => s.getAudioTracks().some((track) => track.readyState === 'live'));
      if (!stream) return wanted.map(() => -200);
      spied.context ??= new AudioContext({ sampleRate: 48_000 });
      if (spied.context.state !== 'running') await spied.context.resume();
      if (spied.listens !== stream) {
        spied.source?.disconnect();
        spied.ear = new AnalyserNode(spied.context, { fftSize: 8192, smoothingTimeConstant: 0 });
        spied.source = spied.context.createMediaStreamSource(stream);
        spied.source.connect(spied.ear);
        spied.listens = stream;
      }
      const { ear } = spied;
      const bins = new Float32Array(ear.frequencyBinCount);
      const best = wanted.map(() => -200);
      await new Promise((resolve) => setTimeout(resolve, 220)); // until the window is full
      for (const end = Date.now() + time; Date.now() < end; ) {
        ear.getFloatFrequencyData(bins);
        wanted.forEach((tone, i) => {
          const bin = Math.round((tone * 8192) / 48_000);
          best[i] = Math.max(best[i], bins[bin - 1], bins[bin], bins[bin + 1]);
        });
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return best.map((level) => Math.round(level));
    },
    [tones, ms],
  );

/** wires tell what each connection of a page has sent and got, and how loud: whose fault a silence is. */
const wires = (page) =>
  page.evaluate(async () => {
    const { peers, context } = globalThis.spied;
    const seen = [];
    for (const peer of peers.slice(-3)) {
      const facts = { ice: peer.iceConnectionState, dtls: peer.connectionState };
      for (const s of (await peer.getStats()).values()) {
        if (s.type === 'inbound-rtp') Object.assign(facts, { got: s.packetsReceived, loud: s.audioLevel, energy: s.totalAudioEnergy });
        if (s.type === 'outbound-rtp') facts.sent = s.packetsSent;
        if (s.type === 'media-source') facts.said = s.audioLevel;
      }
      seen.push(facts);
    }
    return [context?.state, ...seen];
  });

/** listens waits until a page hears those tones and not the others. */
async function listens(page, words, present, absent = []) {
  const all = [...present, ...absent];
  let last = [];
  await until(`${words}: ${present.join('+') || 'silence'} without ${absent.join('+') || 'anything'}`, async () => {
    last = await levels(page, all.map((who) => hz[who]), 350);
    return last.every((level, i) => (i < present.length ? level > -55 : level < -72));
  }).catch(async (error) => {
    throw new Error(`${error.message}; ${all.map((who, i) => `${who} ${last[i]} dB`).join(', ')}; ${JSON.stringify(await wires(page))}`);
  });
  return all.map((who, i) => `${who} ${last[i]} dB`).join(', ');
}

async function accessible(page) {
  // Colours of what fades in or out are judged when it has.
  await page.evaluate(() => Promise.race([Promise.all(document.getAnimations().map((a) => a.finished.catch(() => undefined))), new Promise((done) => setTimeout(done, 2000))]));
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
  const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  if (grave.length > 0) throw new Error(grave.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`).join('; '));
}

/** wire is a TCP path to the server that can be cut: what a bad network is to a browser whose sound goes on. */
async function wire() {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let cut = false;
  const server = createServer((client) => {
    if (cut) return client.destroy();
    const far = connect(Number(port), hostname);
    const end = () => {
      client.destroy();
      far.destroy();
      open.delete(end);
    };
    open.add(end);
    for (const side of [client, far]) side.on('error', end).on('close', end);
    client.pipe(far).pipe(client);
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut(on) {
      cut = on;
      if (on) for (const end of [...open]) end();
    },
    close: () => server.close(),
  };
}

async function person(name, { through = url, sound = join(env.TINGXIN_TONES, `${name}.wav`), language = 'en', theme = 'light' } = {}) {
  const context = await launch({
    viewport: { width: 1280, height: 800 },
    permissions: ['microphone'],
    args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection', `--use-file-for-fake-audio-capture=${sound}`],
  });
  await prefer(context, language, theme);
  await context.addInitScript(spy);
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('dialog', (dialog) => void dialog.accept());
  page.on('pageerror', (error) => {
    failed++;
    console.log(`FAIL  ${name}'s page: ${error}`);
  });
  await page.goto(`${through}/login`);
  await page.fill('input[name=username]', name);
  await page.fill('input[name=password]', 'a desk of their own');
  await page.click('button[type=submit]');
  await page.waitForURL((at) => !at.pathname.startsWith('/login'));
  await registered(page);
  return page;
}

const registered = (page) => page.waitForSelector('.phone-state[data-registration=registered]', { timeout: 20_000 });
const line = (page, phase, more = '') => page.waitForSelector(`.bar-line[data-phase=${phase}]${more}`, { timeout: 15_000 });
/** answers takes what rings by keys. A busy machine may draw the ring before its keys work. */
async function answers(page, more = '') {
  await line(page, 'incoming', more);
  await until('an answer by keys', async () => {
    if ((await page.locator('.bar-incoming').count()) > 0) await page.keyboard.press('Control+Shift+KeyA');
    await page.waitForTimeout(400);
    return (await page.locator('.bar-line[data-phase=talking][data-held=false]').count()) > 0;
  }, 15_000);
}
const gone = (page) => page.waitForSelector('.call-bar', { state: 'detached', timeout: 20_000 });
const button = (page, words) => page.locator('.bar-button', { hasText: words });
const get = async (page, path) => (await page.request.get(`${url}/api/v1${path}`)).json();
const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });

const road = await wire();
const [lin, sun] = await Promise.all([person('lin', { through: road.url }), person('sun')]);

await check('the agent is ready', async () => {
  await lin.goto(`${road.url}/desk`);
  await registered(lin);
  await lin.locator('.agent-state').click();
  await lin.getByRole('menuitem', { name: 'Available' }).click();
  await lin.waitForSelector('.agent-available');
});

await check('a queue\'s call rings once, with who calls, where they waited and why it is this agent', async () => {
  ask('call', 'first', '13800138000');
  await line(lin, 'incoming', '[data-offer=true]');
  await until('one ring', async () => (await lin.locator('.bar-incoming').count()) === 1);
  const text = (await lin.locator('.bar-incoming').innerText()).replace(/\s+/g, ' ');
  for (const part of ['13800138000', 'Support', 'waited', 'Why me?', 'Accept', 'Decline']) if (!text.includes(part)) throw new Error(`no "${part}" in "${text}"`);
  await picture(lin, 'ring-en');
  return text;
});
await check('accepting by keys connects both ways', async () => {
  await lin.keyboard.press('Control+Shift+KeyA');
  await line(lin, 'talking');
  const heard = await listens(lin, 'the agent', ['customer']);
  await hears('first', 'talking', ['lin'], ['sun']);
  return heard;
});
await check('hold is music for the customer, resume ends it', async () => {
  await lin.keyboard.press('Control+Shift+KeyH');
  await line(lin, 'talking', '[data-held=true]');
  await hears('first', 'on hold', [], ['lin'], 800);
  await button(lin, 'Resume').click();
  await line(lin, 'talking', '[data-held=false]');
  await listens(lin, 'the agent', ['customer']);
});
await check('the recording pauses and goes on, in sight', async () => {
  await button(lin, 'Recording').click();
  await lin.waitForSelector('.bar-record-paused');
  const { items } = await get(lin, '/calls/live');
  if (!items[0].recording_paused) throw new Error('the server does not pause');
  await picture(lin, 'paused-en');
  await button(lin, 'Paused').click();
  await lin.waitForSelector('.bar-record:not(.bar-record-paused)');
});
await check('the supervisor listens by one click; the agent sees it; nobody hears it', async () => {
  await sun.goto(`${url}/live`);
  await registered(sun);
  await sun.locator('.call-card .call-who').first().click();
  await sun.locator('.thread .supervise-key', { hasText: 'Listen' }).click();
  await line(sun, 'talking', '[data-role=supervisor]');
  await lin.waitForSelector('.chip-watch');
  await listens(sun, 'the supervisor', ['customer', 'lin']);
  await listens(lin, 'the agent', ['customer'], ['sun']);
  await hears('first', 'listened to', ['lin'], ['sun'], 800);
  await picture(sun, 'listen-en');
  return lin.locator('.chip-watch').innerText();
});
await check('a whisper reaches the agent and not the customer', async () => {
  await sun.locator('.call-bar .supervise-key', { hasText: 'Whisper' }).click();
  await listens(lin, 'the agent', ['customer', 'sun']);
  await hears('first', 'whispered beside', ['lin'], ['sun'], 1200);
  return lin.locator('.chip-watch').innerText();
});
await check('joining is heard by both, and leaving ends it', async () => {
  await sun.locator('.call-bar .supervise-key', { hasText: 'Join' }).click();
  await listens(lin, 'the agent', ['customer', 'sun']);
  await hears('first', 'joined', ['lin', 'sun'], [], 800);
  if (full) {
    await sun.locator('.call-bar .supervise-key', { hasText: 'Take over' }).click();
    await hears('first', 'taken over', ['sun'], ['lin'], 1000);
  }
  await button(sun, 'Leave').click();
  await lin.waitForSelector('.chip-watch', { state: 'detached' });
  await listens(lin, 'the agent', ['customer'], ['sun']);
});
await check('a page that is loaded anew comes back into its call', async () => {
  const { items } = await get(lin, '/calls/live');
  await lin.reload();
  await line(lin, 'talking');
  const heard = await listens(lin, 'the agent', ['customer']);
  await hears('first', 'after the reload', ['lin'], [], 800);
  const now = (await get(lin, '/calls/live')).items;
  if (now.length !== 1 || now[0].id !== items[0].id) throw new Error('it is another call');
  if ((await get(lin, '/agents/me')).agent.state !== 'talking') throw new Error('the queue took it for a goodbye');
  return heard;
});

if (full) await more();

await check('after the end: wrap-up, the first outcome is chosen, one Enter accepts', async () => {
  const { items } = await get(lin, '/calls/live');
  ask('hangup', 'first');
  await lin.waitForSelector('.wrap-card .wrap-outcome', { timeout: 15_000 });
  await lin.locator('.wrap textarea').fill('Sent a new one.');
  if (full) await accessible(lin);
  await picture(lin, 'wrap-en');
  await lin.keyboard.press('Enter');
  await lin.waitForSelector('.wrap-card', { state: 'detached' });
  await lin.waitForSelector('.agent-available');
  const call = await get(lin, `/calls/${items[0].id}`);
  const [wrap] = call.wrap_ups;
  if (wrap?.disposition !== 'solved' || wrap.notes !== 'Sent a new one.' || wrap.by !== 'lin') throw new Error(JSON.stringify(call.wrap_ups));
});
await check('it stands under today\'s own calls, and leads to its record', async () => {
  await lin.goto(`${road.url}/desk`);
  const own = lin.locator('.own-call', { hasText: '13800138000' }).first();
  await own.waitFor({ timeout: 15_000 });
  await own.locator('.tag', { hasText: 'Solved' }).waitFor({ timeout: 10_000 });
  const text = (await own.innerText()).replace(/\s+/g, ' ');
  await own.locator('a').click();
  await lin.waitForURL('**/calls/*');
  return text;
});

await check('a call-back waits in sight of its queue\'s agents, who can take it away', async () => {
  const { csrf } = await get(lin, '/session');
  const headers = { 'X-CSRF-Token': csrf };
  await lin.request.put(`${url}/api/v1/agents/me/state`, { headers, data: { state: 'away', reason: 'break' } });
  const added = await lin.request.post(`${url}/api/v1/callbacks`, { headers, data: { queue: 'support', number: '13700137000' } });
  if (added.status() !== 201) throw new Error(`${added.status()} ${await added.text()}`);
  await lin.goto(`${road.url}/calls/callbacks`);
  const row = lin.locator('.line-list li', { hasText: '13700137000' });
  await row.waitFor({ timeout: 10_000 });
  const text = (await row.innerText()).replace(/\s+/g, ' ');
  await accessible(lin);
  await picture(lin, 'callbacks-en');
  await row.getByRole('button', { name: 'Remove' }).click();
  await lin.locator('.ant-popconfirm-buttons .ant-btn-primary').click();
  await row.waitFor({ state: 'detached', timeout: 10_000 });
  if ((await get(lin, '/callbacks')).items.length > 0) throw new Error('it is still there');
  return text;
});
await check('messages to the queue have a page, answers to surveys only for supervisors', async () => {
  await lin.locator('.tab-link', { hasText: 'Voice mail' }).click();
  await lin.locator('.empty-title', { hasText: 'Nothing to be done' }).waitFor();
  if ((await lin.locator('.tab-link').count()) !== 3) throw new Error('an agent sees another number of tabs');
  await sun.goto(`${url}/calls/surveys`);
  await sun.locator('.empty-title', { hasText: 'No answers' }).waitFor();
});
await check('the password of one\'s desk phone is shown once', async () => {
  await lin.goto(`${road.url}/settings`);
  await lin.getByRole('button', { name: 'Make a password' }).click();
  const password = await lin.locator('.ant-modal .secret-facts code').nth(2).innerText();
  if (password.length < 12) throw new Error(`"${password.length}" characters`);
  await accessible(lin);
  await lin.getByRole('button', { name: 'Close' }).last().click();
  await lin.reload();
  await lin.locator('.secret dd', { hasText: 'set ' }).waitFor();
  if ((await lin.content()).includes(password)) throw new Error('it is shown again');
  const { set, password: told } = await get(lin, '/session/phone/secret');
  if (!set || told) throw new Error('the server tells it again, or has none');
});

await Promise.all([lin.context().close(), sun.context().close()]);
if (full) await bothSpeak();
road.close();
console.log(`calls: ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/** bothSpeak has a customer and an agent say sentences: the words of both appear on the agent's page. */
async function bothSpeak() {
  const sentences = readdirSync(env.TINGXIN_SPEECH).sort().find((file) => file.endsWith('.wav'));
  const talker = await person('lin', { sound: join(env.TINGXIN_SPEECH, sentences) });
  await check('the words of both sides stand on the agent\'s page while they talk', async () => {
    await talker.goto(`${url}/desk`);
    await registered(talker);
    if ((await talker.locator('.agent-available').count()) === 0) {
      await talker.locator('.agent-state').click();
      await talker.getByRole('menuitem', { name: 'Available' }).click();
    }
    ask('call', 'speaker', '13900139000');
    await line(talker, 'incoming', '[data-offer=true]');
    await talker.keyboard.press('Control+Shift+KeyA');
    await line(talker, 'talking');
    const words = async (side) => (await talker.locator(`.bubble[data-side=${side}]`).allInnerTexts()).join(' ').replace(/\s+/g, ' ');
    const count = (text) => text.split(' ').filter((word) => /^[A-Za-z]{3,}/.test(word)).length;
    await until('six words of each side', async () => count(await words('caller')) >= 6 && count(await words('agent')) >= 6, 60_000);
    await picture(talker, 'words-en');
    return `customer "${(await words('caller')).slice(0, 80)}", agent "${(await words('agent')).slice(0, 80)}"`;
  });
  ask('hangup', 'speaker');
  await talker.context().close();
}

/** more is the heavy variant: a cut connection, another path, three parties, transfers, words, languages. */
async function more() {
  await check('a connection that is cut for 30 s costs no sound, and the pages catch up', async () => {
    road.cut(true);
    await lin.waitForSelector('.link-connecting, .link-offline', { timeout: 15_000 });
    for (let i = 0; i < 5; i++) {
      await listens(lin, 'the agent without a connection', ['customer']);
      await new Promise((resolve) => setTimeout(resolve, 5000));
    }
    await hears('first', 'while the connection is cut', ['lin'], [], 3000);
    road.cut(false);
    await registered(lin);
    await lin.waitForSelector('.link-online:not(.phone-state)', { timeout: 30_000 });
    await listens(lin, 'the agent', ['customer']);
    await lin.keyboard.press('Control+Shift+KeyH');
    await line(lin, 'talking', '[data-held=true]');
    await lin.keyboard.press('Control+Shift+KeyH');
    await line(lin, 'talking', '[data-held=false]');
    if ((await get(lin, '/calls/live')).items[0].agent !== 'lin') throw new Error('another agent has it');
  });
  await check('another network: a new path for the same call', async () => {
    const path = () =>
      lin.evaluate(async () => {
        const peer = globalThis.spied.peers.findLast((p) => p.connectionState !== 'closed');
        const stats = await peer.getStats();
        const pair = stats.get([...stats.values()].find((s) => s.type === 'transport')?.selectedCandidatePairId);
        const used = stats.get(pair?.localCandidateId);
        return { offered: /a=ice-ufrag:(\S+)/.exec(peer.localDescription.sdp)?.[1], used: used?.usernameFragment, port: used?.port };
      });
    const before = await path();
    await lin.evaluate(() => window.dispatchEvent(new Event('online')));
    await until('new credentials', async () => (await path()).offered !== before.offered, 15_000);
    const after = await until('a pair of the new credentials in use', async () => {
      const now = await path();
      return now.used && now.used !== before.used && now.used === now.offered && now;
    }, 15_000);
    const heard = await listens(lin, 'the agent', ['customer']);
    await hears('first', 'over the new path', ['lin'], [], 800);
    return `${before.used} at port ${before.port} → ${after.used} at port ${after.port}, ${heard}`;
  });

  const bo = await person('bo');
  await check('a third is added, heard by both, and dropped', async () => {
    await lin.goto(`${road.url}/desk`);
    await line(lin, 'talking');
    await listens(lin, 'the agent after another page', ['customer']);
    await button(lin, 'Add').click();
    await lin.waitForSelector('.transfer-box');
    await picture(lin, 'add-en');
    await lin.locator('.transfer-box li', { hasText: 'Bo Chen' }).getByRole('button').click();
    await lin.waitForSelector('.chip-ringing');
    await answers(bo);
    await listens(bo, 'the third', ['customer', 'lin']);
    await listens(lin, 'the agent', ['customer', 'bo']);
    await hears('first', 'three', ['lin', 'bo'], [], 900);
    await lin.waitForTimeout(500);
    await picture(lin, 'three-en');
    await accessible(lin);
    await lin.locator('.chip-drop').click();
    await gone(bo);
    await listens(lin, 'the agent', ['customer'], ['bo']);
  });
  await check('who is asked first is brought in', async () => {
    await button(lin, 'Transfer').click();
    await lin.locator('.transfer-box li', { hasText: 'Bo Chen' }).getByRole('button', { name: 'Ask first' }).click();
    await line(bo, 'incoming');
    await hears('first', 'while the agent asks', [], ['lin', 'bo'], 700);
    await answers(bo);
    await listens(bo, 'who is asked', ['lin'], ['customer']);
    await picture(lin, 'consult-en');
    await button(lin, 'Talk as three').click();
    await listens(bo, 'the third', ['lin', 'customer']);
    await line(lin, 'talking', '[data-held=false]');
    await listens(lin, 'the agent', ['customer', 'bo']);
    await hears('first', 'merged', ['lin', 'bo'], [], 900);
    await lin.locator('.chip-drop').click();
    await gone(bo);
    await until('one line', async () => (await lin.locator('.bar-line').count()) === 1);
  });
  await check('the supervisor sees the states of an agent', async () => {
    await sun.goto(`${url}/queues`);
    await sun.waitForSelector('.queue');
    await sun.locator('.text-button', { hasText: 'Lin Mei' }).click();
    await sun.waitForSelector('.agent-history li');
    await picture(sun, 'history-en');
    await accessible(sun);
    await sun.keyboard.press('Escape');
  });
  await check('a call that is asked about is put through to who was asked (attended)', async () => {
    await button(lin, 'Transfer').click();
    await lin.locator('.transfer-box li', { hasText: 'Bo Chen' }).getByRole('button', { name: 'Ask first' }).click();
    await answers(bo);
    await listens(bo, 'who is asked', ['lin'], ['customer']);
    await button(lin, 'Connect both').first().click();
    await gone(lin);
    await listens(bo, 'the new party', ['customer'], ['lin']);
    await hears('first', 'put through', ['bo'], ['lin'], 900);
  });
  await check('and given back without asking (blind)', async () => {
    await lin.waitForSelector('.wrap-card .wrap-save', { timeout: 15_000 });
    await lin.locator('.wrap-save').click();
    await lin.waitForSelector('.agent-available');
    await button(bo, 'Transfer').click();
    await bo.locator('.transfer-box li', { hasText: 'Lin Mei' }).getByRole('button', { name: 'Transfer: Lin Mei' }).click();
    await answers(lin);
    await gone(bo);
    await listens(lin, 'the agent again', ['customer'], ['bo']);
    await hears('first', 'given back', ['lin'], ['bo'], 900);
  });
  await check('a queue is a place to put a caller too, who is declined there with a reason', async () => {
    await button(lin, 'Transfer').click();
    await lin.getByRole('tab', { name: 'Queues' }).click();
    await picture(lin, 'queues-en');
    await lin.locator('.transfer-box li', { hasText: 'Support' }).getByRole('button').click();
    await line(lin, 'incoming', '[data-offer=true]');
    await lin.locator('.bar-reason').click();
    await picture(lin, 'reasons-en');
    await lin.getByRole('menuitem', { name: 'I need a break' }).click();
    await lin.waitForSelector('.bar-incoming', { state: 'detached' });
    await sun.goto(`${url}/queues`);
    await sun.waitForSelector('.work-who');
    await picture(sun, 'board-en');
    await answers(lin, '[data-offer=true]'); // barred for a second only
    await listens(lin, 'the agent once more', ['customer']);
  });
  await check('a long hold is on the heat list with its parts, a silent call too', async () => {
    await sun.goto(`${url}/live`);
    await lin.keyboard.press('Control+Shift+KeyM');
    const row = sun.locator('.heat-row').first();
    await row.waitFor({ timeout: 40_000 }).catch(() => undefined);
    const { items } = await get(sun, '/calls/heat');
    await lin.keyboard.press('Control+Shift+KeyM');
    return JSON.stringify(items.map((it) => [it.heat, it.parts.map((part) => `${part.kind} ${part.score.toFixed(2)}`)]));
  });
  await check('in Chinese and dark, and at 360 px, with a call', async () => {
    for (const page of [lin, sun]) {
      await page.click('.language');
      await page.locator('.top-end button[title="外观"]').click();
      await page.getByText('深色').click();
      await page.waitForTimeout(600);
    }
    await picture(lin, 'talk-zh-dark');
    await sun.locator('.call-card .supervise-key, .thread .supervise-key').first().waitFor({ timeout: 2000 }).catch(() => undefined);
    await picture(sun, 'live-zh-dark');
    await accessible(lin);
    await lin.setViewportSize({ width: 360, height: 740 });
    await lin.waitForTimeout(500);
    const wide = await lin.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) throw new Error(`${wide} px too wide`);
    await accessible(lin);
    await picture(lin, 'talk-zh-360');
    await lin.setViewportSize({ width: 1280, height: 800 });
    for (const page of [lin, sun]) {
      await page.click('.language');
      await page.locator('.top-end button[title="Appearance"]').click();
      await page.getByText('Light', { exact: true }).click();
    }
  });
  await bo.context().close();
}
