import { describe, expect, it } from 'vitest';
import type { Event } from '../api/model';
import { concerns, shared, slashQuery, withSnippet } from './data';
import { byLang, share, type Week } from './learning';
import { phrasesOf } from './ScriptsPage';

describe('slashQuery', () => {
  it('is what stands behind a / at the beginning of a word', () => {
    expect(slashQuery('/', 1)).toBe('');
    expect(slashQuery('hello /ret', 10)).toBe('ret');
    expect(slashQuery('您好\n/退货', 6)).toBe('退货');
  });
  it('is nothing elsewhere', () => {
    expect(slashQuery('and/or', 6)).toBeNull();
    expect(slashQuery('/ret urn', 8)).toBeNull();
    expect(slashQuery('https://x', 9)).toBeNull();
  });
  it('looks at what is before the caret only', () => expect(slashQuery('/retour', 4)).toBe('ret'));
});

describe('withSnippet', () => {
  it('takes the place of what was typed', () => expect(withSnippet('hi /re there', 6, 'Return it.')).toEqual({ text: 'hi Return it. there', caret: 13 }));
  it('stands at the caret when nothing was typed', () => expect(withSnippet('hi ', 3, 'you')).toEqual({ text: 'hi you', caret: 6 }));
});

describe('concerns', () => {
  const event = (type: string, data: object) => ({ seq: 1, at: '', type, data }) as unknown as Event;
  it('knows its own subject', () => {
    expect(concerns(event('assist.cards', { kind: 'call', id: 'a' }), { kind: 'call', id: 'a' })).toBe(true);
    expect(concerns(event('assist.cards', { kind: 'call', id: 'a' }), { kind: 'conversation', id: 'a' })).toBe(false);
    expect(concerns(event('ticket.changed', { id: 7 }), { kind: 'ticket', id: '7' })).toBe(true);
    expect(concerns(event('transcript.final', { id: 'a' }), { kind: 'call', id: 'a' })).toBe(false);
  });
});

describe('shared', () => {
  it('is how much of a text was left', () => {
    expect(shared('Return it within a week.', 'Return it within a week.')).toBe(1);
    expect(shared('Return it within a week.', 'Dear Mei, return it within a week, please')).toBeGreaterThan(0.7);
    expect(shared('退货请在订单里申请', '今天天气很好')).toBe(0);
  });
});

describe('phrasesOf', () => {
  it('keeps commas of patterns', () => expect(phrasesOf('my name is, /a{1,3}b/ ，您好')).toEqual(['my name is', '/a{1,3}b/', '您好']));
  it('takes nothing for nothing', () => expect(phrasesOf(' , ')).toEqual([]));
});

describe('weeks', () => {
  it('stand by language, Chinese first', () => {
    const week = (lang: 'zh' | 'en', n: number) => ({ lang, week: String(n) }) as Week;
    expect(byLang([week('en', 1), week('zh', 1), week('en', 2)]).map(([lang, list]) => [lang, list.length])).toEqual([
      ['zh', 1],
      ['en', 2],
    ]);
    expect(share(1, 4)).toBe(25);
    expect(share(0, 0)).toBe(0);
  });
});
