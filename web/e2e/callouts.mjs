// A list of calls to make, from the supervisor's page to the agent's: who is to be called is looked at and skipped, or called
// by a telephone that is answered by itself. Against a server on which nothing else waits for an agent: `some.mjs callouts`.
import { createSocket } from 'node:dgram';
import { flags, launch, login, prefer } from './browser.mjs';
import { staff } from './tools.mjs';

/** busy is a carrier at which everybody is busy; it gives its port, what was dialled, and a way to end it. */
async function busy() {
  const socket = createSocket('udp4');
  const dialled = [];
  socket.on('message', (bytes, from) => {
    const text = bytes.toString();
    const [method, uri] = text.split(' ');
    if (method === 'ACK' || method.startsWith('SIP/')) return;
    const copied = text.split('\r\n').filter((line) => /^(via|from|call-id|cseq|v|f|i):/i.test(line));
    const to = text.split('\r\n').find((line) => /^(to|t):/i.test(line));
    if (method === 'INVITE') dialled.push(uri);
    const answer = (status) => socket.send([`SIP/2.0 ${status}`, ...copied, /;tag=/.test(to) ? to : `${to};tag=busy`, 'Content-Length: 0', '', ''].join('\r\n'), from.port, from.address);
    answer(method === 'INVITE' ? '486 Busy Here' : '200 OK');
  });
  await new Promise((done) => socket.bind(0, '127.0.0.1', done));
  return { port: socket.address().port, dialled, end: () => socket.close() };
}

/** callOutChecks runs the checks with the helpers of pages.mjs. */
export async function callOutChecks(tools) {
  const { url, check, must, until, accessible, noOverflow, picture } = tools;
  const context = await launch({ viewport: { width: 1280, height: 800 } });
  await prefer(context, 'en', 'light');
  const { page, ask } = await staff(context, tools);
  const mark = `e2e-${Date.now().toString(36)}`;
  const agent = { username: `${mark}-agent`, password: 'a telephone in the page', role: 'agent' };
  const made = await ask('POST', '/users', agent);
  // The mock makes no user of this name.
  if (!made.ok() || (await made.json()).username !== agent.username) return context.close();
  const { items: people } = await (await ask('GET', '/users')).json();
  const { id } = people.find((one) => one.username === agent.username);
  must((await ask('PUT', `/agents/${id}`, { languages: ['zh', 'en'] })).ok(), 'no agent');
  must((await ask('PUT', `/queues/${mark}`, { id: mark, name: 'Calls out', members: [{ user: agent.username }] })).ok(), 'no queue');

  const carrier = await busy();
  must((await ask('PUT', `/settings/trunks/${mark}`, { doc: { proxy: `sip:127.0.0.1:${carrier.port};transport=udp`, format: 'e164' } })).ok(), 'no trunk');
  must((await ask('PUT', `/settings/outbound/${mark}`, { doc: { trunk: mark, prefixes: ['+86138001380'], order: 1 } })).ok(), 'no route');

  const desk = await launch({
    viewport: { width: 1366, height: 657 },
    permissions: ['microphone'],
    args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'],
  });
  await prefer(desk, 'zh-CN', 'light');
  const lin = await desk.newPage();
  lin.setDefaultTimeout(20_000);
  let list;
  const entries = async () => (await (await ask('GET', `/call-lists/${list}/entries`)).json()).items;

  await check('call lists: an agent is at work with a telephone in the page', async () => {
    await login(lin, url, agent.username, agent.password);
    await lin.goto(`${url}/desk`);
    await lin.waitForSelector('.phone-state[data-registration=registered]');
    await lin.locator('.agent-state').click();
    await lin.locator('.ant-dropdown-menu-item').first().click();
    await lin.waitForSelector('.agent-available');
  });
  await check('call lists: a list is made and filled, and runs', async () => {
    const all = await ask('POST', '/call-lists', { name: `Renewals ${mark}`, note: 'Offer the yearly plan.', queue: mark, mode: 'preview', preview_s: 60, attempts: 1, start: true });
    must(all.ok(), `${all.status()} ${await all.text()}`);
    list = (await all.json()).id;
    const filled = await ask('POST', `/call-lists/${list}/entries`, {
      people: [
        { number: '+8613800138001', name: '王芳', note: '合同下周到期', data: { contract: 'K-204' } },
        { number: '+8613800138002', name: '李强', note: '想换套餐' },
      ],
    });
    must(filled.ok(), `${filled.status()} ${await filled.text()}`);
    await page.goto(`${url}/calls/lists/${list}`);
    await page.getByText('王芳').waitFor();
    await accessible(page);
    await noOverflow(page);
    await picture(page, 'call-list');
  });
  await check('call lists: the agent sees whom and why, and skips', async () => {
    await lin.waitForSelector('.bar-incoming[data-offer=true]');
    const card = lin.locator('.preview');
    await card.getByText('合同下周到期').waitFor();
    must((await card.innerText()).includes('K-204'), 'a column of the file is not there');
    must((await lin.locator('.bar-who').innerText()).includes('王芳'), 'the name is not there');
    await accessible(lin);
    await noOverflow(lin);
    await picture(lin, 'call-list-offer');
    await lin.locator('.bar-decline').click();
    await lin.locator('.ant-dropdown:not(.ant-dropdown-hidden) .ant-dropdown-menu-item').nth(1).click();
    return until('it is skipped', async () => (await entries()).find((one) => one.contact_name === '王芳' && one.state !== 'queued')?.state, 15_000);
  });
  await check('call lists: with Call the own telephone answers by itself, and the person is dialled', async () => {
    await lin.locator('.preview').getByText('想换套餐').waitFor();
    await lin.locator('.bar-answer').click();
    const done = await until('the try has ended', async () => (await entries()).find((one) => one.contact_name === '李强' && one.attempts === 1 && one.state !== 'queued'), 30_000);
    must(done.state === 'unreached' && done.outcome === 'busy' && carrier.dialled.some((uri) => uri.includes('13800138002')), JSON.stringify([done, carrier.dialled]));
    await lin.waitForSelector('.bar-incoming', { state: 'detached' });
    return done.outcome;
  });
  await check('call lists: the page shows what came of it', async () => {
    await page.goto(`${url}/calls/lists/${list}`);
    await page.getByText('李强').waitFor();
    await accessible(page);
    await picture(page, 'call-list-done');
  });
  await ask('DELETE', `/call-lists/${list}`);
  await ask('DELETE', `/settings/outbound/${mark}`);
  await ask('DELETE', `/settings/trunks/${mark}`);
  carrier.end();
  await desk.close();
  await context.close();
}
