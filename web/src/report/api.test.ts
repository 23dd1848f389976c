import { describe, expect, it } from 'vitest';
import { byOf, change, cuts, lead, names, sheet, top } from './api';

describe('reports', () => {
  it('cut by what the report has, by its first else', () => {
    expect(byOf({ report: 'mood', by: 'disposition' })).toBe('disposition');
    expect(byOf({ report: 'backlog', by: 'disposition' })).toBe('time');
    expect(byOf({})).toBe('time');
  });

  it('know a cut and a column for each', () => {
    for (const name of names) expect([cuts[name].length > 0, lead[name] !== ''], name).toEqual([true, true]);
  });

  it('end scales at round numbers', () => expect([0, 0.03, 1, 7, 12, 41, 99, 100].map(top)).toEqual([1, 0.04, 1, 10, 20, 50, 100, 100]));

  it('compare with what there was only', () => {
    expect(change(12, 10)).toBeCloseTo(0.2);
    expect([change(12, 0), change(null, 3), change(3, undefined)]).toEqual([undefined, undefined, undefined]);
  });

  it('give the same question to the sheet', () => {
    const at = new URL(sheet({ report: 'csat', by: 'queue', from: '2026-11-01', to: '2026-11-07', days: 30, queue: 'sales', before: true }), 'http://x');
    expect(at.pathname).toBe('/api/v1/analytics/csat/csv');
    expect(Object.fromEntries(at.searchParams)).toEqual({ by: 'queue', from: '2026-11-01', to: '2026-11-07', queue: 'sales', compare: 'true' });
  });
});
