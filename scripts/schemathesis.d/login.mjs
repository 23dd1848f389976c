// Signs in and prints the cookie and the CSRF token, a line each.
//   node login.mjs URL USER PASSWORD
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

/** signIn opens a session. */
export async function signIn(url, username, password) {
  const answer = await fetch(`${url}/api/v1/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username, password }) });
  if (!answer.ok) throw new Error(`${username}: ${answer.status} ${await answer.text()}`);
  return { cookie: answer.headers.getSetCookie()[0].split(';')[0], csrf: (await answer.json()).csrf };
}

/** client asks as Playwright's requests do, which is what furnish knows. */
export function client(session) {
  const send = async (address, { method = 'GET', data, headers = {} } = {}) => {
    const body = data === undefined || data instanceof Uint8Array ? data : JSON.stringify(data);
    const answer = await fetch(address, { method, body, headers: { Cookie: session.cookie, ...(body && { 'Content-Type': 'application/json' }), ...headers } });
    return { ok: () => answer.ok, status: () => answer.status, text: () => answer.text(), json: () => answer.json() };
  };
  return { fetch: send, get: send, post: (address, options) => send(address, { ...options, method: 'POST' }) };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const session = await signIn(argv[2], argv[3], argv[4]);
  console.log(`${session.cookie}\n${session.csrf}`);
}
