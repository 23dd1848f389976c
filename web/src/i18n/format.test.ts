import { expect, it, vi } from 'vitest';
import { clock, make, signed, since, size, span } from './format';

it('writes lengths of time', () => {
  expect([-5, 0, 7999, 61_000, 3_723_000].map(clock)).toEqual(['0:00', '0:00', '0:07', '1:01', '1:02:03']);
});

it('writes lengths of settings in words', () => {
  expect(['5s', '1h30m0s', '72h', '250ms', ''].map((text) => span(text, 'en'))).toEqual(['5 seconds', '1 hour 30 minutes', '72 hours', '250ms', '']);
  expect(['2m', '5s', '1h'].map((text) => span(text, 'zh-CN'))).toEqual(['2分钟', '5秒', '1小时']);
});

it('writes no length of what never began', () => {
  const now = Date.parse('2026-11-29T12:00:00Z');
  expect([since('2026-11-29T11:58:30Z', now), since('0001-01-01T00:00:00Z', now)]).toEqual(['1:30', '–']);
});

it('writes moments of this year without it, and midnight as 00', () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 29, 12) });
  const [soon, old] = [new Date(2026, 10, 29, 0, 5, 7).toISOString(), new Date(2025, 0, 2, 15, 4).toISOString()];
  const write = (language: string) => [soon, old].map((iso) => make(language).dateTime(iso));
  expect(write('en')).toEqual(['Nov 29, 00:05', 'Jan 2, 2025, 15:04']);
  expect(write('zh-CN')).toEqual(['11月29日 00:05', '2025年1月2日 15:04']);
  expect([make('en').time(soon), make('zh-CN').moment(soon)]).toEqual(['00:05:07', '2026年11月29日 00:05:07']);
  vi.useRealTimers();
});

it('writes sizes', () => {
  expect([900, 2_400_000, 3_100_000_000].map(size)).toEqual(['1 kB', '2.4 MB', '3.10 GB']);
});

it('writes signs, and no negative nought', () => {
  expect([-0.3, 0.2, 4.6, -12].map((n) => signed(n, String))).toEqual(['0', '0', '+5', '-12']);
});
