// Furnishes the server behind URL for scripts/schemathesis: what a working day leaves there, and a login for each visit.
//   node furnish.mjs URL PASSWORD
import { furnish } from '../../web/e2e/furnish.mjs';
import { client, signIn } from './login.mjs';

const [url, password] = process.argv.slice(2);
const admin = await signIn(url, 'admin', password);
const tools = client(admin);
const ask = (method, path, data) => tools.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': admin.csrf } });
const made = await furnish(url, tools, ask, admin.csrf);
const agent = await ask('POST', '/users', { username: 'agent', name: 'Agent', role: 'agent', password });
if (!agent.ok()) throw new Error(`agent: ${agent.status()}`);
console.log(`schemathesis: furnished with ${made.contacts.length} contacts, ${made.tickets.length} tickets, ${made.conversations.length} conversations`);
