import { describe, expect, it } from 'vitest';
import type { Utterance } from '../api/model';
import { hitsIn, rangesIn, termsOf } from './find';
import { latest, marked, pieces, rawPieces } from './pieces';

const word = (text: string, start_ms: number, conf = 1) => ({ text, start_ms, end_ms: start_ms + 100, conf });

const paid: Utterance = {
  side: 'caller', seq: 0, segment: 1, start_ms: 0, end_ms: 400, turn: 0,
  text: '😀 Paid $20.', raw: 'paid twenty dollars',
  words: [word('paid', 0), word('twenty', 100, 0.4), word('dollars', 200)],
  spans: [{ text_start: 2, text_end: 6, from: 0, to: 1 }, { text_start: 7, text_end: 10, from: 1, to: 3 }],
};

describe('pieces', () => {
  it('follow the spans by characters and take the times of their words', () => {
    expect(pieces(paid)).toEqual([{ text: '😀 ' }, { text: 'Paid', start: 0, end: 100, conf: 1 }, { text: ' ' }, { text: '$20', start: 100, end: 300, conf: 0.4 }, { text: '.' }]);
  });

  it('lose no text to spans that overlap or reach too far', () => {
    const broken = { ...paid, spans: [{ text_start: 2, text_end: 6, from: 0, to: 1 }, { text_start: 4, text_end: 99, from: 1, to: 9 }] };
    expect(pieces(broken).map((p) => p.text).join('')).toBe(paid.text);
  });

  it('are one plain text without spans', () => expect(pieces({ ...paid, spans: [] })).toEqual([{ text: paid.text }]));

  it('raw are the words as heard', () => {
    expect(rawPieces(paid).map((p) => p.text).join('')).toBe('paid twenty dollars');
    expect(rawPieces({ ...paid, words: [] })).toEqual([{ text: paid.raw }]);
  });
});

describe('latest', () => {
  it('finds the last start that is not after', () => {
    expect([-1, 0, 99, 100, 250, 1e9].map((at) => latest([0, 100, 200], at))).toEqual([-1, 0, 0, 1, 2, 2]);
    expect(latest([], 5)).toBe(-1);
  });
});

describe('marked', () => {
  it('cuts at the marks and takes back the escapes, once', () => {
    expect(marked('a &lt;b&gt; <mark>R&amp;D</mark> &amp;lt;')).toEqual([
      { text: 'a <b> ', hit: false },
      { text: 'R&D', hit: true },
      { text: ' &lt;', hit: false },
    ]);
  });

  it('never makes elements of what was said', () => {
    expect(marked('&lt;mark&gt;x&lt;/mark&gt;')).toEqual([{ text: '<mark>x</mark>', hit: false }]);
  });
});

describe('finding in a talk', () => {
  it('looks for words and phrases, not for what was excluded', () => {
    expect(termsOf('Refund "coffee machine" -lost 退款 -"not this"')).toEqual(['refund', 'coffee machine', '退款']);
  });

  it('finds without overlaps, in order', () => {
    expect(hitsIn('A refund, refunds', ['refund', 'fun', 'a'])).toEqual([{ start: 0, end: 1 }, { start: 2, end: 8 }, { start: 10, end: 16 }]);
    expect(hitsIn('anything', [])).toEqual([]);
  });

  it('spans the borders of words', () => {
    const p = document.createElement('p');
    p.innerHTML = '<span>coffee</span> <span>machine</span>.';
    const [range] = rangesIn([p], ['coffee mach']);
    expect(range?.toString()).toBe('coffee mach');
  });
});
