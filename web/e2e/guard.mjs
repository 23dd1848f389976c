// Logins: a key that is told once, a second factor from picture to code, sessions, a page that locks itself.
// Against a server: node e2e/guard.mjs URL USER PASSWORD [folder for pictures].
import { createHmac } from 'node:crypto';
import { launch, prefer } from './browser.mjs';

const [url, user, password, folder] = process.argv.slice(2);
let failed = 0;
const must = (ok, what) => {
  if (ok) return console.log(`ok    ${what}`);
  failed++;
  console.log(`FAIL  ${what}`);
};

/** code is what an authenticator shows (RFC 6238), ahead by periods of 30 s. */
function code(secret, ahead = 0) {
  const bits = [...secret.replace(/=/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const sum = createHmac('sha1', key).update(step).digest();
  const at = sum[19] & 15;
  return String((sum.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function signIn(page, name, secret, typed) {
  await page.goto(`${url}/login`);
  await page.fill('input[name=username]', name);
  await page.fill('input[name=password]', secret);
  await page.click('button[type=submit]');
  if (typed) {
    await page.waitForSelector('input[name=code]');
    await page.fill('input[name=code]', typed());
    await page.click('button[type=submit]');
  }
}

const shot = async (page, name) => folder && page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });

const browser = await launch({ viewport: { width: 1280, height: 860 } });
await prefer(browser, 'en', 'light');
const admin = await browser.newPage();
await signIn(admin, user, password);
await admin.waitForSelector('.shell');
const { csrf } = await (await admin.request.get(`${url}/api/v1/session`)).json();
const ask = (method, path, data) => admin.request.fetch(`${url}/api/v1${path}`, { method, data, headers: { 'X-CSRF-Token': csrf } });
const name = `e2e-${Date.now().toString(36)}`;
const own = 'correct horse battery staple';
const made = await (await ask('POST', '/users', { username: name, password: own, role: 'supervisor' })).json();
for (const role of ['auditor', 'analyst']) await ask('POST', '/users', { username: `${name}-${role}`, password: own, role });

try {
  await admin.goto(`${url}/admin/logins`);
  await admin.waitForSelector('.guard-form form');
  await shot(admin, 'demands-en');
  await admin.goto(`${url}/admin/audit`);
  await admin.getByRole('button', { name: 'Check the chain' }).click();
  await admin.waitForSelector('.ant-modal-confirm-success');
  must(true, 'the audit log is whole, the page says so');
  await shot(admin, 'audit-en');

  const other = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(other, 'zh-CN', 'dark');
  const page = await other.newPage();
  await signIn(page, name, own);
  await page.waitForSelector('.shell');
  await page.goto(`${url}/settings?tab=security`);
  await page.waitForSelector('.guard-form input[type=password]');
  await shot(page, 'security-zh');
  await page.fill('.guard-form input[type=password]', own);
  await page.click('.guard-form button[type=submit]');
  await page.waitForSelector('.guard-enrol img');
  must((await page.locator('.guard-enrol img').evaluate((img) => img.naturalWidth)) > 100, 'the picture is shown');
  await shot(page, 'enrol-zh');
  const secret = await page.textContent('.guard-enrol code');
  await page.fill('.guard-enrol input[autocomplete=one-time-code]', '000000');
  await page.click('.guard-enrol button[type=submit]');
  await page.waitForSelector('.guard-enrol .ant-form-item-explain-error');
  await page.fill('.guard-enrol input[autocomplete=one-time-code]', code(secret));
  await page.click('.guard-enrol button[type=submit]');
  await page.waitForSelector('.guard-once');
  const paper = (await page.textContent('.guard-once')).trim().split('\n');
  must(paper.length === 10, 'ten recovery codes are told once');
  await page.locator('.ant-modal-footer button').click();
  await page.waitForSelector('.guard-form .tag-good');

  await page.locator('.guard-card', { hasText: 'API' }).getByRole('button').first().click();
  await page.fill('.ant-modal input#name', 'CRM');
  await page.click('.ant-modal #scopes');
  await page.keyboard.type('calls:read');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.locator('.ant-modal-footer .ant-btn-primary').click();
  await page.waitForSelector('.guard-once');
  const token = (await page.textContent('.guard-once')).trim();
  const by = (path) => fetch(`${url}/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` } }).then((r) => r.status);
  must((await by('/calls')) === 200 && (await by('/contacts')) === 403, 'the key opens what its scopes name');
  await page.locator('.ant-modal-footer button').last().click();
  await page.waitForSelector('.guard-row code');
  await page.waitForTimeout(400);
  await shot(page, 'keys-zh');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForTimeout(200);
  must(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing overflows at 360 px');
  await shot(page, 'keys-narrow');
  await page.setViewportSize({ width: 1280, height: 860 });

  await page.evaluate(async () => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    await fetch('/api/v1/session/lock', { method: 'POST', headers: { 'X-CSRF-Token': csrf } });
  });
  await page.goto(`${url}/calls`);
  await page.waitForSelector('.guard-lock');
  must(!(await page.locator('.shell').isVisible()), 'a locked page shows nothing');
  await shot(page, 'locked-zh');
  await page.fill('.guard-lock input', own);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.guard-lock', { state: 'detached' });
  must(await page.locator('.shell').isVisible(), 'the password opens it');

  const third = await launch({ viewport: { width: 1280, height: 860 } });
  await prefer(third, 'en', 'light');
  const again = await third.newPage();
  await signIn(again, name, own, () => paper[0]);
  await again.waitForSelector('.shell');
  must(true, 'a recovery code opens the login');
  await third.clearCookies();
  await signIn(again, `${name}-auditor`, own);
  await again.waitForSelector('.admin-audit');
  must((await again.locator('.nav-link').count()) === 2, 'an auditor sees the log and settings');
  await shot(again, 'auditor-en');
  await third.clearCookies();
  await signIn(again, `${name}-analyst`, own);
  await again.waitForSelector('.calls, .page');
  await shot(again, 'analyst-en');
  await again.goto(`${url}/login`);
  await shot(again, 'login-en');
  await third.close();
  await other.close();
} finally {
  await ask('PATCH', `/users/${made.id}`, { disabled: true });
  await browser.close();
}
if (failed) process.exit(1);
