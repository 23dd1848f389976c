import { expect, it } from 'vitest';
import { clock, signed, size, span } from './format';

it('writes lengths of time', () => {
  expect([-5, 0, 7999, 61_000, 3_723_000].map(clock)).toEqual(['0:00', '0:00', '0:07', '1:01', '1:02:03']);
});

it('writes lengths of settings in words', () => {
  expect(['5s', '1h30m0s', '72h', '250ms', ''].map((text) => span(text, 'en'))).toEqual(['5 seconds', '1 hour 30 minutes', '72 hours', '250ms', '']);
  expect(span('2m', 'zh-CN')).toBe('2分钟');
});

it('writes sizes', () => {
  expect([900, 2_400_000, 3_100_000_000].map(size)).toEqual(['1 kB', '2.4 MB', '3.10 GB']);
});

it('writes signs, and no negative nought', () => {
  expect([-0.3, 0.2, 4.6, -12].map((n) => signed(n, String))).toEqual(['0', '0', '+5', '-12']);
});
