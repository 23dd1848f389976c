// Judges two runs of the pages' checks, each on a server of its own:
//
//   node e2e/twice.mjs FIRST SECOND
//
// the files of TINGXIN_REPORT, of which one that is not there tells of a run that never
// came to its end. A check has failed when it held in neither run; who needed the second
// is named before the closing line, and so is what failed twice, with its reason.
import { existsSync, readFileSync } from 'node:fs';

const [first, second] = process.argv.slice(2).map((path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []));
const held = new Set([...first, ...second].filter((c) => !c.failure).map((c) => c.name));
const failed = new Map([...first, ...second].filter((c) => c.failure).map((c) => [c.name, c.failure]));
const late = [...failed.keys()].filter((name) => held.has(name));
for (const name of late) failed.delete(name);
// A run that broke off says nothing of what stood behind.
if (second.length < first.length || second.length === 0) failed.set('the second run', 'it did not come to its end');
if (late.length > 0) console.log(`held in one of two runs only: ${late.join('; ')}`);
for (const [name, reason] of failed) console.log(`failed twice: ${name}: ${reason}`);
console.log(`pages: ${held.size} passed, ${failed.size} failed, 0 skipped`);
process.exit(failed.size > 0 ? 1 : 0);
