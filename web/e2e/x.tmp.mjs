import { launch, login, prefer } from './browser.mjs';
const url = 'http://127.0.0.1:28080', out = '/tmp/adm/shots';
import { mkdirSync } from 'node:fs';
mkdirSync(out, { recursive: true });
const only = process.argv[2];
for (const [language, theme, size] of [['zh-CN', 'light', [1360, 850]], ['en', 'dark', [1600, 900]]]) {
  const ctx = await launch({ viewport: { width: size[0], height: size[1] } });
  await prefer(ctx, language, theme);
  const page = await ctx.newPage();
  const errors = [];
  page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));
  page.on('pageerror', (e) => errors.push(String(e)));
  await login(page, url, 'admin', 'correct horse battery');
  const shot = async (name) => { await page.waitForTimeout(700); await page.screenshot({ path: `${out}/${name}-${language}-${size[0]}.png` }); };
  const go = async (path) => { await page.goto(url + path); await page.waitForTimeout(900); };
  for (const s of ['numbers', 'flows', 'prompts', 'hours', 'trunks', 'outbound', 'media', 'alert-rules', 'kiosks', 'import', 'audit']) {
    if (only && only !== s) continue;
    await go(`/admin/${s}`); await shot(s);
    if (['numbers', 'prompts', 'hours', 'trunks', 'alert-rules'].includes(s)) {
      await page.locator('.admin-row .admin-acts button').filter({ hasText: /Edit|修改|编辑/ }).first().click();
      await shot(s + '-edit');
    }
  }
  if (!only || only === 'flow') { await go('/admin/flows/support'); await page.fill('.flow-say input', language === 'en' ? 'one 1234#' : '一 1234# ,'); await page.click('.flow-say button'); await shot('flow'); }
  if (!only || only === 'queues') { await go('/queues'); await shot('queues'); }
  if (!only || only === 'wall') { await go('/wall'); await shot('wall'); }
  console.log(language, theme, [...new Set(errors)].slice(0, 8));
  await ctx.close();
}
