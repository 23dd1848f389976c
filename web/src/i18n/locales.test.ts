import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pick } from '.';
import en from './locales/en.json';
import zh from './locales/zh-CN.json';

interface Tree {
  [key: string]: string | Tree;
}

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value);
    else for (const [k, v] of flat(value, `${prefix}${key}.`)) found.set(k, v);
  }
  return found;
}

const english = flat(en);
const chinese = flat(zh);

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /(?<!\.test)\.tsx?$/.test(path) ? [readFileSync(path, 'utf8')] : [];
  });
}

describe('locales', () => {
  it('have the same keys', () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('leave nothing empty and use the same placeholders', () => {
    const placeholders = (s = '') => (s.match(/{{\w+}}/g) ?? []).sort();
    for (const [key, text] of english) {
      expect(text, key).not.toBe('');
      expect(chinese.get(key), key).not.toBe('');
      expect(placeholders(chinese.get(key)), key).toEqual(placeholders(text));
    }
  });

  it('say something Chinese in Chinese', () => {
    const shared = new Set(['quality.mos', 'unit.mb', 'unit.percent', 'live.said']);
    for (const [key, text] of chinese) {
      if (!shared.has(key)) expect(text, key).toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it('put Chinese marks beside Chinese words', () => {
    const half = /[\u3400-\u9fff][,:;?!](?!\/\/)|[,;][\u3400-\u9fff]|\([^()]*[\u3400-\u9fff]/;
    expect([...chinese].filter(([, text]) => half.test(text))).toEqual([]);
  });

  it('hold every key that the pages ask for', () => {
    const asked = sources(join(import.meta.dirname, '..')).flatMap((text) =>
      [...text.matchAll(/\bt\(\s*'([\w.]+)'/g)].map((m) => m[1] ?? ''),
    );
    expect(asked.length).toBeGreaterThan(100);
    const missing = asked.filter((key) => !english.has(key) && !english.has(`${key}_other`));
    expect(missing).toEqual([]);
  });
});

describe('pick', () => {
  it('prefers what was remembered', () => expect(pick('en', ['zh-CN'])).toBe('en'));
  it('takes the first language of the browser that is there', () => {
    expect(pick(null, ['fr', 'zh-TW', 'en'])).toBe('zh-CN');
    expect(pick(null, ['en-GB', 'zh'])).toBe('en');
  });
  it('falls back to English', () => expect(pick('xx', ['fr'])).toBe('en'));
});
