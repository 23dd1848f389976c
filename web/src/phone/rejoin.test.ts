import { describe, expect, it } from 'vitest';
import type { LiveCall } from '../api/model';
import { lostCalls } from './rejoin';
import { insideOf } from './state';

const call = (id: string, parties: object[], state = 'active') => ({ id, state, parties }) as LiveCall;

describe('lostCalls', () => {
  const away = { leg: 2, side: 'agent', role: 'agent', user: 'lin', away: true };
  const there = { ...away, away: undefined };
  it('are those in which one is, but this page has no line', () => {
    expect(lostCalls([call('a', [away])], 'lin', [], [])).toEqual([{ id: 'a', known: false }]);
    expect(lostCalls([call('a', [there])], 'lin', [], ['a'])).toEqual([{ id: 'a', known: true }]);
  });
  it('are not those of another telephone of one', () => expect(lostCalls([call('a', [there])], 'lin', [], [])).toEqual([]));
  it('are not those with a line here', () => expect(lostCalls([call('a', [away])], 'lin', ['a'], ['a'])).toEqual([]));
  it('are not ended ones, nor those that ring, nor those of others', () => {
    expect(lostCalls([call('a', [away], 'ended'), call('b', [{ ...away, ringing: true }]), call('c', [{ ...away, user: 'bo' }])], 'lin', [], ['a', 'b', 'c'])).toEqual([]);
  });
});

describe('insideOf', () => {
  const id = '01a223da-7569-7625-95c2-aa74ddf95741';
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['not an id', undefined],
    [id, { call: id, role: undefined, mode: undefined, again: undefined }],
    [`${id};role=supervisor;mode=listen`, { call: id, role: 'supervisor', mode: 'listen', again: undefined }],
    [`${id};role=agent;again`, { call: id, role: 'agent', mode: undefined, again: true }],
  ])('%s', (header, inside) => expect(insideOf(header)).toEqual(inside));
});
