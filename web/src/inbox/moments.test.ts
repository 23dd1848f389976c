import { describe, expect, it } from 'vitest';
import { mentionAt, mentioned, moments } from './moments';

const words = (at: Date) => moments(at).map((m) => `${m.key} ${m.at.getMonth() + 1}/${m.at.getDate()} ${m.at.getHours()}:${m.at.getMinutes()}`);

describe('moments', () => {
  it('are of the days to come', () => {
    expect(words(new Date(2026, 2, 4, 10, 30))).toEqual(['hour 3/4 11:30', 'evening 3/4 18:0', 'tomorrow 3/5 9:0', 'week 3/9 9:0']);
    expect(words(new Date(2026, 2, 9, 17, 30))).toEqual(['hour 3/9 18:30', 'tomorrow 3/10 9:0', 'week 3/16 9:0']);
    expect(words(new Date(2026, 2, 8, 23, 30))).toEqual(['hour 3/9 0:30', 'tomorrow 3/9 9:0']);
  });
});

describe('mentionAt', () => {
  it('finds the name that is being written', () => {
    expect(mentionAt('ask @Li', 7)).toEqual({ from: 4, typed: 'li' });
    expect(mentionAt('@', 1)).toEqual({ from: 0, typed: '' });
    expect(mentionAt('你好，@王', 5)).toEqual({ from: 3, typed: '王' });
  });
  it('leaves addresses and what is finished alone', () => {
    expect(mentionAt('mail li@example', 15)).toBeNull();
    expect(mentionAt('ask @li now', 11)).toBeNull();
  });
});

describe('mentioned', () => {
  const people = ['li', 'lily', 'mei.w'].map((username) => ({ username }));
  const names = (text: string) => mentioned(text, people).map((p) => p.username);
  it('takes whole names only', () => {
    expect(names('@lily please')).toEqual(['lily']);
    expect(names('请看，@li 和 @mei.w')).toEqual(['li', 'mei.w']);
    expect(names('ask @li.')).toEqual(['li']);
  });
  it('leaves addresses alone', () => expect(names('mail to shop@li or li@lily')).toEqual([]));
});
