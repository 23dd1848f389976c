// Runs pages with JsSIP in Debian's Chromium for the tests of package sip. Commands come as JSON lines on
// standard input, {"id":1,"page":0,"fn":"register","args":[...]}, results go out the same way.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { chromium } from 'playwright-core';

const [url, sound] = process.argv.slice(2);
const here = import.meta.dirname;
const jssip = buildSync({
  stdin: { contents: "import * as J from 'jssip'; window.JsSIP = J.default ?? J;", resolveDir: here },
  bundle: true,
  write: false,
  format: 'iife',
  define: { 'process.env.NODE_ENV': '"production"' },
}).outputFiles[0].text;
const phone = readFileSync(join(here, 'phone.js'), 'utf8');

const profile = mkdtempSync(join(tmpdir(), 'tingxin-sip-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.TINGXIN_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  ignoreHTTPSErrors: true,
  bypassCSP: true, // of pages that are not ours alone
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors', '--allow-loopback-in-peer-connection',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${sound}`,
  ],
});

const pages = [];

async function open(n) {
  const page = pages[n] ?? (pages[n] = await context.newPage());
  if (process.env.TINGXIN_BROWSER_LOG) page.on('console', (m) => console.error(`page ${n}: ${m.text()}`));
  await page.goto(url);
  await page.addScriptTag({ content: jssip });
  await page.addScriptTag({ content: phone });
  return page;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, page: n, fn, args } = JSON.parse(line);
  run(n, fn, args ?? []).then(
    (result) => console.log(JSON.stringify({ id, result })),
    (error) => console.log(JSON.stringify({ id, error: String(error?.message ?? error) })),
  );
}
await context.close();
rmSync(profile, { recursive: true, force: true });

async function run(n, fn, args) {
  if (fn === 'open' || fn === 'reload') {
    await open(n);
    return null;
  }
  return (await pages[n].evaluate(([f, a]) => window.phone[f](...a), [fn, args])) ?? null;
}
