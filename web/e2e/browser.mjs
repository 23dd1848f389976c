// Starts Debian's Chromium for the tests of the pages.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];

/** launch opens a browser with an empty profile. TINGXIN_CHROMIUM names another one. */
export function launch(options = {}) {
  return chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'tingxin-chromium-')), {
    executablePath: process.env.TINGXIN_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: flags,
    acceptDownloads: true,
    ...options,
  });
}

/** login fills in the form and waits for the first page behind it. */
export async function login(page, url, user, password) {
  await page.goto(`${url}/login`);
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForURL((at) => !at.pathname.startsWith('/login'));
  await page.waitForSelector('main h1');
}

/** prefer sets what the pages remember: language and theme. */
export async function prefer(context, language, theme) {
  await context.addInitScript(
    ([l, t]) => {
      localStorage.setItem('tingxin.language', l);
      localStorage.setItem('tingxin.theme', t);
    },
    [language, theme],
  );
}
