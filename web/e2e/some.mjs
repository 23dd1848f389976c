// Runs parts of the pages' checks alone against a running server.
//
//   TINGXIN_URL=http://127.0.0.1:8080 TINGXIN_USER=admin TINGXIN_PASSWORD=... node e2e/some.mjs reports teams
//
// Parts: desk, callouts, feedback, widget, admin, rules, reports, teams. Pictures go to TINGXIN_PICTURES (build/pictures).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { adminChecks } from './admin.mjs';
import { callOutChecks } from './callouts.mjs';
import { deskChecks } from './desk.mjs';
import { feedbackChecks } from './feedback.mjs';
import { reportChecks } from './reports.mjs';
import { ruleChecks } from './rules.mjs';
import { teamChecks } from './teams.mjs';
import { makeTools } from './tools.mjs';
import { widgetChecks } from './widget.mjs';

const parts = { desk: deskChecks, callouts: callOutChecks, feedback: (tools) => feedbackChecks(tools, true), widget: widgetChecks, admin: adminChecks, rules: ruleChecks, reports: reportChecks, teams: teamChecks };
const env = process.env;
const pictures = env.TINGXIN_PICTURES ?? join(import.meta.dirname, '..', '..', 'build', 'pictures');
mkdirSync(pictures, { recursive: true });
const tools = makeTools({ url: (env.TINGXIN_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, ''), user: env.TINGXIN_USER ?? 'admin', password: env.TINGXIN_PASSWORD ?? 'admin', pictures });
for (const name of process.argv.slice(2)) {
  if (!parts[name]) throw new Error(`no part ${name}: ${Object.keys(parts).join(', ')}`);
  const began = Date.now();
  await parts[name](tools);
  console.log(`${name}: ${Math.round((Date.now() - began) / 1000)} s`);
}
console.log(`some: ${tools.counts.passed} passed, ${tools.counts.failed} failed, 0 skipped`);
process.exit(tools.counts.failed > 0 ? 1 : 0);
