import { describe, expect, it } from 'vitest';
import { causeOf, current, dialable, incoming, mostLines, phone, running, silentPhone, type Act, type Phone } from './state';

const after = (...acts: Act[]): Phone => acts.reduce(phone, silentPhone);
const out: Act = { type: 'begin', id: 'a', direction: 'out', number: '4000', at: 100 };
const inward: Act = { type: 'begin', id: 'b', direction: 'in', number: 'lin', name: 'Lin Mei', at: 200 };
const talking: Act = { type: 'connected', id: 'a', at: 150 };

describe('phone', () => {
  it('follows a call of ours from the first digit to the end', () => {
    let state = after(out);
    expect(state.lines[0]).toMatchObject({ phase: 'dialling', number: '4000', began: 100 });
    state = phone(state, { type: 'ringing', id: 'a' });
    expect(state.lines[0]?.phase).toBe('ringing');
    state = phone(state, talking);
    expect(state.lines[0]).toMatchObject({ phase: 'talking', connected: 150 });
    expect(phone(state, { type: 'ringing', id: 'a' })).toBe(state);
    expect(phone(state, { ...talking, at: 999 })).toBe(state);
    state = phone(state, { type: 'ended', id: 'a', cause: 'normal' });
    expect(state.lines[0]).toMatchObject({ phase: 'ended', cause: 'normal', connected: 150 });
    expect(running(state)).toEqual([]);
    expect(phone(state, { type: 'forget', id: 'a' }).lines).toEqual([]);
  });

  it('never forgets a call that lasts', () => {
    const state = after(out, talking);
    expect(phone(state, { type: 'forget', id: 'a' })).toBe(state);
  });

  it('holds and mutes only what is talked on, and counts who holds', () => {
    const dialling = after(out);
    expect(phone(dialling, { type: 'muted', id: 'a', on: true })).toBe(dialling);
    expect(phone(dialling, { type: 'held', id: 'a', by: 'us', on: true })).toBe(dialling);
    const asked = after(out, talking, { type: 'muted', id: 'a', on: true }, { type: 'changing', id: 'a', on: true });
    expect(asked.lines[0]).toMatchObject({ muted: true, held: false, changing: true });
    const held = phone(asked, { type: 'held', id: 'a', by: 'us', on: true });
    expect(held.lines[0]).toMatchObject({ muted: true, held: true, changing: false, away: false });
    const both = phone(held, { type: 'held', id: 'a', by: 'them', on: true });
    expect(phone(both, { type: 'held', id: 'a', by: 'us', on: false }).lines[0]).toMatchObject({ held: false, away: true });
  });

  it('leaves a call alone that has ended', () => {
    const state = after(out, talking, { type: 'ended', id: 'a', cause: 'normal' });
    for (const act of [talking, { type: 'muted', id: 'a', on: true }, { type: 'key', id: 'a', key: '5' }, { type: 'ended', id: 'a', cause: 'busy' }, { type: 'transfer', id: 'a', transfer: 'asked' }] satisfies Act[])
      expect(phone(state, act), act.type).toBe(state);
    expect(phone(state, { type: 'ended', id: 'nobody', cause: 'busy' })).toBe(state);
  });

  it('has two lines at most, and an ended one makes room', () => {
    const two = after(out, inward);
    expect(two.lines).toHaveLength(mostLines);
    expect(phone(two, { ...inward, id: 'c' })).toBe(two);
    expect(phone(two, inward)).toBe(two);
    const room = phone(phone(two, { type: 'ended', id: 'a', cause: 'busy' }), { ...inward, id: 'c' });
    expect(room.lines.map((line) => line.id)).toEqual(['b', 'c']);
  });

  it('knows which call is meant: the one that is heard', () => {
    const consulting = after(out, talking, { type: 'held', id: 'a', by: 'us', on: true }, { ...out, id: 'c', number: '5000' });
    expect(current(consulting)?.id).toBe('c');
    const back = phone(phone(consulting, { type: 'connected', id: 'c', at: 300 }), { type: 'held', id: 'c', by: 'us', on: true });
    expect(current(phone(back, { type: 'held', id: 'a', by: 'us', on: false }))?.id).toBe('a');
    expect(current(phone(back, { type: 'ended', id: 'c', cause: 'normal' }))?.id).toBe('a');
    const ringing = after(out, talking, inward);
    expect(current(ringing)?.id).toBe('a');
    expect(incoming(ringing)?.id).toBe('b');
  });

  it('keeps a failed transfer in sight and the call going', () => {
    const asked = after(out, talking, { type: 'transfer', id: 'a', transfer: 'asked' });
    const failed = phone(asked, { type: 'transfer', id: 'a', transfer: 'failed' });
    expect(failed.lines[0]).toMatchObject({ phase: 'talking', transfer: 'failed' });
  });

  it('shows the last keys only', () => {
    let state = after(out, talking);
    for (let i = 0; i < 40; i++) state = phone(state, { type: 'key', id: 'a', key: String(i % 10) });
    expect(state.lines[0]?.keys).toBe('678901234567890123456789');
  });

  it('says why it is not registered, and says nothing twice', () => {
    const failed = after({ type: 'registration', registration: 'failed', trouble: 'refused' });
    expect(failed).toMatchObject({ registration: 'failed', trouble: 'refused' });
    expect(phone(failed, { type: 'registration', registration: 'failed', trouble: 'refused' })).toBe(failed);
    expect(phone(failed, { type: 'registration', registration: 'registered' }).trouble).toBeUndefined();
  });
});

describe('dialable', () => {
  it.each([
    ['+86 (138) 0013-8000', '+8613800138000'],
    [' 4000 ', '4000'],
    ['*97#', '*97#'],
    ['echo', 'echo'],
    ['lin.mei@shop', 'lin.mei@shop'],
    ['sip:evil@elsewhere', ''],
    ['a b', ''],
    ['4000;phone-context=x', ''],
    ['', ''],
  ])('%s', (typed, dialled) => expect(dialable(typed)).toBe(dialled));
});

describe('causeOf', () => {
  it('puts what it does not know under failed', () => {
    expect(causeOf('Busy')).toBe('busy');
    expect(causeOf('SIP Failure Code')).toBe('failed');
    expect(causeOf('constructor')).toBe('failed');
  });
});
