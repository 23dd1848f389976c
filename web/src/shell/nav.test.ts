import { describe, expect, it } from 'vitest';
import en from '../i18n/locales/en.json';
import { entries, letter, placesOf } from './nav';

describe('the navigation', () => {
  it('has each path, word and key once', () => {
    for (const of of ['path', 'key', 'jump'] as const) {
      const all = entries.flatMap((entry) => (of in entry ? [entry[of]] : []));
      expect(new Set(all).size, of).toBe(all.length);
    }
  });

  it('has words for each entry', () => {
    const words: Record<string, unknown> = en.nav;
    for (const entry of entries) expect(words[entry.key], entry.key).toBeTypeOf('string');
  });

  it('keeps groups together, so that a line between two is one line', () => {
    const order = entries.map((entry) => entry.group).filter((group, i, all) => group !== all[i - 1]);
    expect(order).toEqual([...new Set(order)]);
  });

  it('shows an agent less than a supervisor', () => {
    const agent = placesOf('agent').map((place) => place.path);
    expect(agent).toContain('/desk');
    expect(agent).not.toContain('/queues');
    expect(placesOf('supervisor').map((place) => place.path)).toContain('/queues');
  });

  it('shows an auditor the log and their own settings', () => expect(placesOf('auditor').map((place) => place.path)).toEqual(['/admin', '/settings']));

  it('names keys as they are printed', () => expect([letter('KeyL'), letter('Digit1')]).toEqual(['L', '1']));
});
