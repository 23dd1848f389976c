// A server for working on the pages alone: scripted calls, the API's shapes, the
// feed, and web/dist under the strict policy of the real one. Not part of any build.
//
//   npm run build && npm run mock            http://127.0.0.1:8099, log in as admin / admin
//
// POST /mock/cut breaks all feed connections, POST /mock/forget also loses their history.
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { report } from './feelings.mjs';
import { Feed } from './feed.mjs';
import { peaks, wav } from './sound.mjs';
import * as queues from './queues.mjs';
import { World } from './world.mjs';

const port = Number(process.env.PORT ?? 8099);
const dist = join(import.meta.dirname, '..', 'dist');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const feed = new Feed();
const world = new World((...event) => feed.publish(...event));
if (process.env.CALLS) world.target = Number(process.env.CALLS);
const ticking = setInterval(() => world.tick(), 200);

const open = { locked: false, enrol: false, idle_minutes: 0, outside: false, masked: false };
const users = ['admin', 'supervisor', 'agent'].map((role, i) => ({ id: String(i + 1), username: role, name: ['Administrator', 'Mei Chen', 'Jonas Weber'][i], role, language: ['', 'zh-CN', 'en'][i], disabled: false, created_at: '2026-11-01T08:00:00Z' }));
let retention = { recordings_days: 90, transcripts_days: 365, records_days: 730, audit_days: 730 };
const sounds = new Map();

function problem(response, status, detail) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ title: detail, status, detail }));
}

function json(response, value, status = 200, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(value === undefined ? undefined : JSON.stringify(value));
}

const who = (request) => users.find((u) => u.username === /tingxin_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1]);
const all = () => [...world.running, ...world.past].sort((a, b) => b.summary.started_at.localeCompare(a.summary.started_at));
const find = (id) => all().find((c) => c.summary.id === id);
const escape = (s) => s.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[c]);

function hit(call, q) {
  const u = call.said().find((x) => x.text.toLowerCase().includes(q.toLowerCase()));
  if (!u) return null;
  const at = u.text.toLowerCase().indexOf(q.toLowerCase());
  return escape(u.text.slice(0, at)) + '<mark>' + escape(u.text.slice(at, at + q.length)) + '</mark>' + escape(u.text.slice(at + q.length));
}

function list(query) {
  const get = (name) => query.get(name) ?? '';
  const q = get('q');
  let found = all().filter(({ summary: s }) => (!get('state') || s.state === get('state')) && (!get('trunk') || s.trunk === get('trunk')) && (get('mood') !== 'alert' || s.mood?.alerts > 0) && s.from.includes(get('from')) && (!get('since') || s.started_at >= get('since')) && (!get('until') || s.started_at < get('until')));
  if (q) found = found.filter((c) => hit(c, q) || c.summary.from.includes(q));
  const start = Number(get('cursor') || 0);
  const limit = Number(get('limit') || 50);
  const items = found.slice(start, start + limit).map((c) => (q ? { ...c.summary, snippet: hit(c, q) ?? undefined } : c.summary));
  return { items, next: start + limit < found.length ? String(start + limit) : undefined, total: start === 0 ? found.length : undefined };
}

function soundOf(call) {
  if (!sounds.has(call)) sounds.set(call, wav(call.talk, call.length));
  return sounds.get(call);
}

function sendSound(request, response, data) {
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  const to = range?.[2] ? Math.min(Number(range[2]), data.length - 1) : data.length - 1;
  response.writeHead(range ? 206 : 200, { 'Content-Type': 'audio/wav', 'Accept-Ranges': 'bytes', 'Content-Length': to - from + 1, ...(range ? { 'Content-Range': `bytes ${from}-${to}/${data.length}` } : {}) });
  response.end(data.subarray(from, to + 1));
}

function oneCall(request, response, call, rest, query) {
  if (rest === 'emotion') return json(response, call.emotion());
  if (rest === 'labels') return bodyOf(request).then((body) => (world.label(call, body, who(request).username) ? json(response, undefined, 204) : problem(response, 404, 'there is no such thing')));
  if (rest === 'transcript') return json(response, { items: call.said() });
  if (rest === 'recording') return sendSound(request, response, soundOf(call));
  if (rest === 'recording/peaks') return json(response, peaks(soundOf(call), Number(query.get('buckets') ?? 1200)));
  if (rest === 'hangup') {
    world.end(call, Date.now(), 'admin');
    return json(response, undefined, 204);
  }
  return json(response, call.detail());
}

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

async function login(request, response) {
  const { username, password } = await bodyOf(request);
  const user = users.find((u) => u.username === username);
  if (username === 'locked') return problem(response, 429, 'too many attempts');
  if (!user || password !== username) return problem(response, 401, 'user name and password do not match');
  json(response, { user, csrf: 'mock', mood: { tense: 0.45, angry: 0.65 }, ...open }, 200, { 'Set-Cookie': `tingxin_session=${user.username}; HttpOnly; SameSite=Strict; Path=/` });
}

async function userRoutes(request, response, id) {
  if (request.method === 'GET') return json(response, { items: users });
  const body = await bodyOf(request);
  if (request.method === 'POST') {
    if (users.some((u) => u.username === body.username)) return problem(response, 409, 'taken');
    users.push({ id: String(users.length + 1), disabled: false, language: '', ...body, password: undefined });
    return json(response, users.at(-1), 201);
  }
  const user = users.find((u) => u.id === id);
  Object.assign(user, body, { password: undefined });
  json(response, user);
}

async function api(request, response, path, query) {
  if (path === '/session' && request.method === 'POST') return login(request, response);
  if (path === '/session/options') return json(response, {});
  const user = who(request);
  if (!user) return problem(response, 401, 'log in first');
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== 'mock') return problem(response, 403, 'csrf');
  if (path === '/session' && request.method === 'DELETE') return json(response, undefined, 204, { 'Set-Cookie': 'tingxin_session=; Path=/; Max-Age=0' });
  if (path === '/session') return json(response, { user, csrf: 'mock', mood: { tense: 0.45, angry: 0.65 }, ...open });
  if (path === '/session/second-factor') return json(response, { on: false, recovery: 0, required: false, unavailable: true });
  if (path === '/sessions' || /^\/users\/\d+\/sessions$/.test(path)) return json(response, { items: [{ id: '0123456789abcdef', address: '127.0.0.1', browser: request.headers['user-agent'], created_at: '2026-11-01T08:00:00Z', seen_at: '2026-11-01T08:00:00Z', locked: false, outside: false, here: true }] });
  if (path === '/api-keys' || path === '/users/keys') return json(response, { items: [], scopes: ['*:read', 'calls:read'] });
  if (path === '/exports') return json(response, { approval: 500, items: [] });
  if (path === '/teams') return json(response, { items: [{ id: 'north', name: '北区 North', members: ['anna'], queues: ['support'] }] });
  if (path === '/role-rules') return json(response, { items: ['agent', 'supervisor', 'admin'].map((role) => ({ role, reach: {}, hidden: [] })) });
  if (path === '/settings/security') return json(response, { second_factor: [], idle_minutes: 0 });
  if (path === '/audit/acts') return json(response, { items: [] });
  if (path === '/audit/check') return json(response, { whole: true, rows: 0, head: '' });
  if (path === '/session/password') return (await bodyOf(request)).old === user.username ? json(response, undefined, 204) : problem(response, 422, 'the old password is wrong');
  if (path === '/calls') return json(response, list(query));
  if (path === '/calls/live') return json(response, { items: world.running.map((c) => ({ ...c.summary, partial: c.partial })), seq: feed.seq });
  if (path === '/alerts') return json(response, { items: all().flatMap((c) => (c.alert ? [c.alert] : [])).slice(0, 100) });
  if (path === '/reports/mood') return json(response, { by: query.get('by'), rows: report(world.past, query.get('by') ?? 'route') });
  if (path === '/system') return json(response, world.system());
  if (path === '/settings/retention') {
    if (request.method === 'PUT') retention = await bodyOf(request);
    return json(response, retention);
  }
  if (path === '/agents/me') return json(response, queues.desk(user));
  if (path === '/desk/work') return json(response, { items: [], at: new Date().toISOString() }); // calls only
  if (path === '/conversation-views') return json(response, { items: [] });
  if (path === '/queues/board') return json(response, queues.board());
  if (path === '/agents') return json(response, { items: queues.agents() });
  if (path === '/queues') return json(response, { items: [{ id: 'sales', name: 'Sales' }, { id: 'support', name: 'Support', strategy: 'longest_idle', members: [{ user: 'agent' }], skills: ['tech'] }] });
  if (path === '/skills') return json(response, { items: [{ name: 'tech', label: 'Technology' }] });
  if (path === '/calendars') return json(response, { items: [{ name: 'office', zone: 'Asia/Shanghai', week: {}, days: [] }] });
  if (path === '/queues/alerts') return json(response, { items: queues.alerts() });
  if (/^\/(settings\/[a-z-]+|kiosks|audit)$/.test(path)) return json(response, { items: [], restart: false, pending: false }, 200, { 'X-Mock': '1' }); // nothing is kept here
  if (path === '/queues/work') return json(response, { items: queues.work() });
  const users_ = /^\/users(?:\/(\w+))?$/.exec(path);
  if (users_) return userRoutes(request, response, users_[1]);
  const one = /^\/calls\/([\w-]+)(?:\/(.+))?$/.exec(path);
  const call = one && find(one[1]);
  if (call) return oneCall(request, response, call, one[2], query);
  problem(response, 404, 'there is no such thing');
}

function page(response, path) {
  const asked = join(dist, normalize(path));
  const file = asked.startsWith(dist) && extname(asked) && existsSync(asked) ? asked : join(dist, 'index.html');
  response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': policy });
  if (file.endsWith('.html')) response.end(readFileSync(file));
  else createReadStream(file).pipe(response);
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://mock');
  if (pathname.startsWith('/api/v1')) {
    api(request, response, pathname.slice(7), searchParams).catch((error) => problem(response, 500, String(error)));
  } else if (pathname === '/mock/cut' || pathname === '/mock/forget') {
    if (pathname === '/mock/forget') feed.forget();
    feed.cut();
    json(response, {});
  } else page(response, pathname);
});

server.on('upgrade', (request, socket, head) => {
  if (!who(request)) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  feed.upgrade(request, socket, head, request.url.includes('/wall/') && queues.wall);
});

server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => {
  clearInterval(ticking);
  server.close();
  process.exit(0);
});
