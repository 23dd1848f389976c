import { describe, expect, it } from 'vitest';
import type { LiveCall } from '../api/model';
import { ownCall } from './hooks';
import type { Line } from './state';

const call = (id: string, from: string, to: string, more: Partial<LiveCall> = {}) => ({ id, from, to, state: 'active', ...more }) as LiveCall;
const line = (direction: Line['direction'], number: string) => ({ direction, number, phase: 'talking' }) as Line;

const calls = [
  call('stranger', '13800138000', '4000'),
  call('mine', 'lin', '4000'),
  call('consulting', 'lin', 'bob'),
  call('given', '13900139000', '4000', { agent: 'lin' }),
  call('to me', 'bob', 'lin'),
  call('joined', 'eve', '5000', { parties: [{ leg: 3, side: 'agent', role: 'guest', user: 'lin' }] }),
];

describe('ownCall', () => {
  it.each<[string, Line | undefined, string | undefined]>([
    ['no line, no call', undefined, undefined],
    ['what I dialled', line('out', '4000'), 'mine'],
    ['whom I ask beside it', line('out', 'bob'), 'consulting'],
    ['what a queue gave me', line('in', '13900139000'), 'given'],
    ['who calls me', line('in', 'bob'), 'to me'],
    ['what I was added to', line('in', 'eve'), 'joined'],
  ])('%s', (_, l, id) => expect(ownCall(calls, 'lin', l)?.id).toBe(id));

  it('never shows the call of somebody else', () => expect(ownCall(calls.slice(0, 1), 'lin', line('in', '13800138000'))).toBeUndefined());
});
