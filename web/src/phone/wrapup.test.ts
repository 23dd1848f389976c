import { expect, test } from 'vitest';
import type { CallSummary } from '../api/model';
import { callBefore } from './WrapUp';

const call = (id: string, queue: string, state: CallSummary['state'], ended?: string) => ({ id, queue, state, ended_at: ended }) as CallSummary;

test('a wrap-up is about the call that has just ended, or goes on with somebody else', () => {
  const since = '2026-11-29T10:00:00Z';
  const old = call('old', 'support', 'ended', '2026-11-29T09:00:00Z');
  const asked = call('asked', '', 'ended', '2026-11-29T09:59:59Z');
  const put = call('put', 'support', 'active');
  const ended = call('ended', 'support', 'ended', '2026-11-29T10:00:01Z');
  expect(callBefore(undefined, since)).toBeUndefined();
  expect(callBefore([asked, old], since)).toBeUndefined();
  expect(callBefore([asked, put, old], since)?.id).toBe('put');
  expect(callBefore([ended, old], since)?.id).toBe('ended');
});
