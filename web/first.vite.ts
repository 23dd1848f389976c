import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const source = join(import.meta.dirname, 'src');
/** Where the first sight begins: what these import at once is on the screen before anything else is fetched. */
const roots = ['main.tsx', 'shell/Shell.tsx', 'pages/DeskPage.tsx', 'pages/LoginPage.tsx'].map((path) => join(source, path));

interface Tree {
  [key: string]: Tree | string;
}

const file = (from: string, specifier: string) =>
  ['', '.ts', '.tsx', '/index.ts'].map((end) => resolve(dirname(from), specifier) + end).find((path) => /\.tsx?$/.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile());

/** reached are the sources of the first sight. */
function reached(): Map<string, string> {
  const found = new Map<string, string>();
  const open = [...roots];
  for (let path = open.pop(); path; path = open.pop()) {
    if (found.has(path)) continue;
    const text = readFileSync(path, 'utf8');
    found.set(path, text);
    for (const [, specifier] of text.matchAll(/^(?:import|export)\b(?! type)[^;]*?from '(\.[^']+)'/gm)) open.push(...[specifier && file(path, specifier)].filter((one) => typeof one === 'string'));
  }
  return found;
}

/** pick keeps the words whose keys are wanted. */
function pick(tree: Tree, wanted: (key: string) => boolean, at = ''): Tree {
  const out: Tree = {};
  for (const [name, value] of Object.entries(tree)) {
    const some = typeof value === 'string' ? wanted(at + name) && value : pick(value, wanted, `${at}${name}.`);
    if (typeof some === 'string' || (some && Object.keys(some).length > 0)) out[name] = some;
  }
  return out;
}

/** firstWords gives `LANGUAGE.json?first`: of a language's words those whose keys, or whose keys' beginnings, stand in the sources of the first sight. */
export function firstWords(): Plugin {
  return {
    name: 'first-words',
    enforce: 'pre',
    load(id) {
      const [path, query] = id.split('?');
      if (query !== 'first' || !path?.endsWith('.json')) return null;
      const keys = new Set<string>();
      const heads = new Set<string>();
      for (const [from, text] of reached()) {
        this.addWatchFile(from);
        for (const [, quote, key] of text.matchAll(/(['`])([a-z][A-Za-z]*\.[A-Za-z_.]*)/g)) if (key) (quote === '`' ? heads : keys).add(key);
      }
      const wanted = (key: string) => keys.has(key) || keys.has(key.replace(/_(?:zero|one|two|few|many|other)$/, '')) || [...heads].some((head) => key.startsWith(head));
      return { code: `export default ${JSON.stringify(pick(JSON.parse(readFileSync(path, 'utf8')) as Tree, wanted))}`, moduleType: 'js' };
    },
  };
}

/** firstLoad fails the build when what the first sight of the desk needs grows beyond `most` bytes by gzip. */
export function firstLoad(most: number): Plugin {
  return {
    name: 'first-load',
    generateBundle(_, bundle) {
      const needed = new Set<string>();
      const need = (name: string) => {
        const chunk = bundle[name];
        if (needed.has(name) || chunk?.type !== 'chunk') return;
        needed.add(name);
        for (const other of chunk.imports) need(other);
      };
      for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk' && (chunk.isEntry || /Shell\.tsx$|DeskPage\.tsx$|zh-CN\.json\?first$/.test(chunk.facadeModuleId ?? ''))) need(chunk.fileName);
      let size = 0;
      for (const name of needed) {
        const chunk = bundle[name];
        if (chunk?.type === 'chunk') size += gzipSync(chunk.code, { level: 9 }).length;
      }
      if (size > most) this.error(`the first load of the desk has ${size} bytes by gzip, at most ${most}`);
      this.info(`first load of the desk: ${size} bytes by gzip in ${needed.size} files, of ${most}`);
    },
  };
}
