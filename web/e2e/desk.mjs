// The agent's desk in a browser of its own, whose microphone hears a recorded voice: the checks of
// pages.mjs that need a telephone.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { flags, launch, login, prefer } from './browser.mjs';

const agent = { username: 'lin', password: 'a desk of her own', role: 'agent', name: '林梅 Lin Mei' };
const friend = { username: 'bo', password: 'the desk beside it', role: 'agent', name: '陈博 Bo Chen' };

/** voice is a recording for the microphone; without one Chromium beeps, which is sound enough for an echo. */
function voice() {
  try {
    const folder = join(import.meta.dirname, '..', '..', 'build', 'caller');
    const file = readdirSync(folder).sort().find((name) => name.endsWith('.wav'));
    return file && join(folder, file);
  } catch {
    return undefined;
  }
}

/** spy keeps the page's connections, so that a test can cut one and listen to the other. */
function spy() {
  const heard = [];
  const sockets = [];
  globalThis.spied = { heard, sockets };
  const Peer = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args);
      this.addEventListener('track', (event) => heard.push(event.streams[0] ?? new MediaStream([event.track])));
    }
  };
  const Socket = globalThis.WebSocket;
  globalThis.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(url, protocols);
      if (protocols === 'sip') sockets.push(this);
    }
  };
}

/** level is how loud the newest remote sound of the page is over `ms`: the loudest tenth of a second, dB below full scale. */
const level = (page, ms = 1200) =>
  page.evaluate(async (time) => {
    const stream = globalThis.spied.heard.at(-1);
    // A call that is held may have no track at all.
    if (!stream?.getAudioTracks().length) return -120;
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 4096 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let best = 0;
    for (const end = Date.now() + time; Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      analyser.getFloatTimeDomainData(samples);
      best = Math.max(best, samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
    }
    await context.close();
    return Math.round(10 * Math.log10(best + 1e-12));
  }, ms);

async function addAgents(page, { url, user, password }) {
  await login(page, url, user, password);
  const { csrf } = await (await page.request.get(`${url}/api/v1/session`)).json();
  for (const data of [agent, friend]) {
    const added = await page.request.post(`${url}/api/v1/users`, { data, headers: { 'X-CSRF-Token': csrf } });
    if (![201, 409].includes(added.status())) throw new Error(`${data.username} was not added: ${added.status()} ${await added.text()}`);
  }
  await page.request.delete(`${url}/api/v1/session`, { headers: { 'X-CSRF-Token': csrf } });
}

/** deskChecks runs all checks of the desk with the helpers of pages.mjs. */
export async function deskChecks(tools) {
  const { url, pictures, check, must, until, accessible, noOverflow } = tools;
  const sound = voice();
  const open = async () => {
    const context = await launch({
      viewport: { width: 1280, height: 800 },
      permissions: ['microphone'],
      args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection', ...(sound ? [`--use-file-for-fake-audio-capture=${sound}`] : [])],
    });
    await prefer(context, 'en', 'light');
    await context.addInitScript(spy);
    return context;
  };
  const context = await open();
  const page = await context.newPage();
  const complaints = new Set();
  page.on('pageerror', (error) => complaints.add(String(error)));

  const registered = () => page.waitForSelector('.phone-state[data-registration=registered]', { timeout: 20_000 });
  const line = (phase) => page.waitForSelector(`.bar-line[data-phase=${phase}]`, { timeout: 20_000 });
  const loud = (words) => until(words, async () => (await level(page)) > -45, 20_000);
  const silent = (words) => until(words, async () => (await level(page)) < -65, 20_000);
  const gone = () => page.waitForSelector('.call-bar', { state: 'detached', timeout: 15_000 });
  const dial = async (number) => {
    await page.fill('.desk-dial input', number);
    await page.keyboard.press('Enter');
  };

  await check('desk: an agent logs in and the phone registers', async () => {
    await addAgents(page, tools);
    await login(page, url, agent.username, agent.password);
    await registered();
    await page.goto(`${url}/desk`);
    await registered();
    return page.locator('.phone-words').innerText();
  });
  await check('desk: the device check shows the loudness of the microphone', async () => {
    await page.locator('.desk-head .small-button').click();
    await until('a bar that moves', async () => (await page.locator('.level .lit').count()) > 3, 15_000);
    await accessible(page);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.check', { state: 'detached' });
  });
  await check('desk: a call to echo brings back what the microphone hears', async () => {
    await dial('echo');
    await line('talking');
    await loud('sound');
    return `${await level(page)} dB`;
  });
  await check('desk: mute by keys is silence, for as long as it lasts', async () => {
    await page.keyboard.press('Control+Shift+KeyM');
    await page.waitForSelector('.bar-line[data-muted=true]');
    await silent('silence');
    await page.keyboard.press('Control+Shift+KeyM');
    await loud('sound again');
  });
  await check('desk: hold and resume', async () => {
    await page.keyboard.press('Control+Shift+KeyH');
    await page.waitForSelector('.bar-line[data-held=true]', { timeout: 10_000 });
    await silent('silence');
    await page.locator('.bar-button', { hasText: 'Resume' }).click();
    await page.waitForSelector('.bar-line[data-held=false]', { timeout: 10_000 });
    await loud('sound again');
  });
  await check('desk: a key reaches the server', async () => {
    await page.locator('.bar-button', { hasText: 'Keypad' }).click();
    await page.locator('.bar-pad .keypad button', { hasText: '5' }).click();
    await until('the key in sight', async () => (await page.locator('.bar-pad output').innerText()) === '5');
    await page.keyboard.press('Escape');
    const keys = page.locator('.side-states li', { hasText: 'key' });
    await keys.waitFor({ timeout: 10_000 });
    return keys.innerText();
  });
  await check('desk: a cut WebSocket costs no sound', async () => {
    await page.evaluate(() => globalThis.spied.sockets.at(-1).close());
    await page.waitForSelector('.phone-state[data-registration=connecting]');
    must((await level(page, 900)) > -45, 'no sound while the connection is away');
    await registered();
    await loud('sound after it came back');
  });
  await check('desk: with the call bar: accessible', () => accessible(page));
  await check('desk: hanging up ends it, and it stands under the calls of today', async () => {
    await page.keyboard.press('Control+Shift+KeyX');
    await gone();
    const own = page.locator('.own-call', { hasText: 'echo' }).first();
    await own.waitFor({ timeout: 20_000 });
    return (await own.innerText()).replace(/\s+/g, ' ');
  });
  await check('desk: the words of one\'s own call appear while it lasts', async () => {
    await dial('default');
    await line('talking');
    await page.waitForSelector('.desk-main .thread-head', { timeout: 10_000 });
    if (!sound) return 'no recorded voice here';
    await until('words', async () => (await page.locator('.desk-main .settled').count()) >= 3, 60_000);
    await page.waitForTimeout(600); // the newest words settle
    await page.screenshot({ path: join(pictures, 'desk.png') });
    return `"${await page.locator('.desk-main .settled').last().innerText()}"`;
  });
  await check('desk: a colleague can be asked or given the call', async () => {
    await page.locator('.bar-button', { hasText: 'Transfer' }).click();
    await page.waitForSelector('.transfer-box .colleagues li');
    await accessible(page);
    await page.fill('.transfer-box input', 'echo');
    await page.locator('.transfer-number .small-button', { hasText: 'Ask first' }).click();
    await page.waitForSelector('.bar-line[data-phase=talking][data-held=true]', { timeout: 15_000 });
    await page.waitForSelector('.bar-line[data-phase=talking][data-held=false]', { timeout: 15_000 });
    await page.waitForSelector('.bar-connect:enabled');
    await loud('the echo of the second call');
    await accessible(page);
  });
  await check('desk: on other pages the bar stays', async () => {
    await page.click('.nav a[href="/calls"]');
    await page.waitForURL('**/calls');
    must((await page.locator('.call-bar .bar-line').count()) === 2, 'the calls are gone');
    await page.click('.nav a[href="/desk"]');
  });
  await check('desk: in Chinese and dark, and at 360 px', async () => {
    await page.click('.language');
    await page.locator('.top-end button[title="外观"]').click();
    await page.getByText('深色').click();
    await page.waitForTimeout(600);
    await page.screenshot({ path: join(pictures, 'desk-zh-dark.png') });
    await accessible(page);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForTimeout(400);
    await noOverflow(page);
    await accessible(page);
    await page.screenshot({ path: join(pictures, 'desk-phone.png') });
  });
  await check('desk: both calls end', async () => {
    for (let i = 0; i < 2; i++) {
      await page.keyboard.press('Control+Shift+KeyX');
      await page.waitForTimeout(700);
    }
    await gone();
    await page.waitForSelector('.desk-dial');
    await noOverflow(page);
    await accessible(page);
  });
  await colleagues({ ...tools, page, open, dial, line, loud, gone, registered });
  await check('desk: a second tab leaves the phone where it is, and takes over', async () => {
    const second = await context.newPage();
    await second.goto(`${url}/desk`);
    await second.waitForSelector('.phone-state[data-registration=elsewhere]', { timeout: 10_000 });
    await page.close();
    await second.waitForSelector('.phone-state[data-registration=registered]', { timeout: 20_000 });
  });
  await check('desk: the browser had nothing to complain of', () => must(complaints.size === 0, [...complaints].slice(0, 5).join(' | ')));
  await context.close();
}

/** colleagues are the checks with two more people, each in a browser of their own. */
async function colleagues({ url, user, password, pictures, page, open, dial, line, loud, gone, registered, check, until, accessible }) {
  const contexts = [await open(), await open()];
  const [bo, boss] = await Promise.all(contexts.map((context) => context.newPage()));
  const at = (who, phase) => who.waitForSelector(`.bar-line[data-phase=${phase}]`, { timeout: 15_000 });
  const hears = (who, words) => until(words, async () => (await level(who)) > -45, 20_000);
  const over = (who) => who.waitForSelector('.call-bar', { state: 'detached', timeout: 20_000 });
  const answers = async (who) => {
    await at(who, 'incoming');
    await who.keyboard.press('Control+Shift+KeyA');
    await at(who, 'talking');
  };
  const transfer = async (to, how) => {
    await page.locator('.bar-button', { hasText: 'Transfer' }).click();
    await page.fill('.transfer-box input', to);
    await page.locator('.transfer-number .small-button', { hasText: how }).click();
  };

  await check('desk: a colleague is seen to be reachable', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await Promise.all([login(bo, url, friend.username, friend.password), login(boss, url, user, password)]);
    for (const who of [bo, boss]) await who.waitForSelector('.phone-state[data-registration=registered]', { timeout: 20_000 });
    await page.goto(`${url}/desk`);
    await registered();
    await page.waitForSelector('.desk-team li:has-text("Bo Chen") button:enabled', { timeout: 15_000 });
  });
  await check('desk: the colleague rings on any page, answers by keys, and both hear each other', async () => {
    await page.locator('.desk-team li', { hasText: 'Bo Chen' }).locator('button').click();
    await at(bo, 'incoming');
    await accessible(bo);
    await bo.screenshot({ path: join(pictures, 'desk-ring.png') });
    await answers(bo);
    await line('talking');
    await Promise.all([loud('the colleague'), hears(bo, 'the caller')]);
    return (await bo.locator('.bar-who').innerText()).replace(/\s+/g, ' ');
  });
  await check('desk: the one who was called sees the call too', async () => {
    await bo.click('.nav a[href="/desk"]');
    await bo.waitForSelector('.desk-main .thread-head', { timeout: 10_000 });
  });
  await check('desk: a transfer to nobody fails in words, and the call goes on', async () => {
    await transfer('nobody-of-that-name', 'Transfer');
    await page.waitForSelector('.bar-trouble', { timeout: 15_000 });
    await loud('the colleague still');
    return page.locator('.bar-trouble').innerText();
  });
  await check('desk: a blind transfer connects the colleague with a third', async () => {
    await transfer(user, 'Transfer');
    await answers(boss);
    await gone();
    await Promise.all([hears(bo, 'the third'), hears(boss, 'the colleague')]);
    await boss.keyboard.press('Control+Shift+KeyX');
    await Promise.all([over(bo), over(boss)]);
  });
  await check('desk: asking first, then connecting both', async () => {
    await dial(friend.username);
    await answers(bo);
    await line('talking');
    await transfer(user, 'Ask first');
    await answers(boss);
    await page.waitForSelector('.bar-connect:enabled', { timeout: 15_000 });
    await loud('the third, asked');
    await page.locator('.bar-connect:enabled').first().click();
    await gone();
    await Promise.all([hears(bo, 'the third'), hears(boss, 'the colleague')]);
    await bo.keyboard.press('Control+Shift+KeyX');
    await Promise.all([over(bo), over(boss)]);
  });
  await check('desk: a call that is declined says so', async () => {
    await dial(friend.username);
    await at(bo, 'incoming');
    await bo.keyboard.press('Control+Shift+KeyX');
    const words = page.locator('.bar-line[data-phase=ended] .bar-who [role=status]');
    await words.waitFor({ timeout: 15_000 });
    const said = await words.innerText();
    await Promise.all([gone(), over(bo)]);
    return said;
  });
  await Promise.all(contexts.map((context) => context.close()));
}
