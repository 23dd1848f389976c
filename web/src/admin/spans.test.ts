import { describe, expect, it } from 'vitest';
import { placeOf } from './faults';
import { bare } from './kinds';
import { dayForm, readDay, readSpans, writeSpans } from './spans';

describe('spans', () => {
  it('read what people write', () => {
    expect(readSpans('9:00-12:00, 13:30 – 18:00')).toEqual([{ from: '09:00', to: '12:00' }, { from: '13:30', to: '18:00' }]);
    expect(readSpans('9:00至12:00，13:00到24:00')).toEqual([{ from: '09:00', to: '12:00' }, { from: '13:00', to: '24:00' }]);
    expect(readSpans('')).toEqual([]);
  });
  it('refuse what is none', () => {
    for (const text of ['9-12', '12:00-9:00', '9:60-10:00', '23:00-24:30', 'all day']) expect(readSpans(text), text).toBeNull();
  });
  it('come back as they were', () => expect(writeSpans(readSpans('9:00-12:00,13:00-18:00') ?? [])).toBe('09:00-12:00, 13:00-18:00'));
});

describe('days', () => {
  it('are holidays, other hours or make-up workdays, there and back', () => {
    for (const day of [
      { date: '2026-10-01', name: '国庆节' },
      { date: '2026-12-24', name: '', spans: [{ from: '09:00', to: '13:00' }] },
      { date: '2026-10-10', name: '调休', as: 'thursday' },
    ])
      expect(readDay(dayForm(day))).toEqual(day);
  });
});

describe('forms', () => {
  it('leave out what is empty', () => expect(bare({ a: '', b: 0, c: false, d: [], e: { f: '' }, g: { h: 'x' }, i: undefined, j: 1 })).toEqual({ g: { h: 'x' }, j: 1 }));
  it('find the field of a fault', () => {
    expect(placeOf('auth.password')).toEqual(['auth', 'password']);
    expect(placeOf('numbers[2]')).toEqual(['numbers']);
    expect(placeOf('texts.en')).toEqual(['texts']);
  });
});
