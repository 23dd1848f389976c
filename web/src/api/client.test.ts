import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { request, setCSRF, whenUnauthorized } from './client';
import { lost, Problem, problemKey } from './problem';

const answer = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.stubGlobal('fetch', answer);
});

afterEach(() => {
  vi.unstubAllGlobals();
  answer.mockReset();
  setCSRF('');
});

const problem = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/problem+json' } });

describe('a request', () => {
  it('asks below the base and leaves out empty filters', async () => {
    answer.mockResolvedValue(new Response('{"items":[]}'));
    await request('/calls', { query: { q: '退款', from: '', limit: 40, since: undefined } });
    expect(answer.mock.calls[0]?.[0]).toBe(`/api/v1/calls?q=${encodeURIComponent('退款')}&limit=40`);
  });

  it('carries the token with every change, never with reading', async () => {
    setCSRF('secret');
    answer.mockImplementation(() => Promise.resolve(new Response(null, { status: 204 })));
    await request('/calls/1/hangup', { method: 'POST' });
    await request('/calls');
    const headers = answer.mock.calls.map(([, init]) => new Headers(init?.headers).get('X-CSRF-Token'));
    expect(headers).toEqual(['secret', null]);
  });

  it('does once what is asked for again while it is on its way, and again when it was answered', async () => {
    let done: (response: Response) => void = () => undefined;
    answer.mockImplementation(() => new Promise((resolve) => (done = resolve)));
    void request('/conversations/1/close', { method: 'POST' });
    void request('/conversations/1/close', { method: 'POST' });
    const other = request('/conversations/2/close', { method: 'POST' });
    expect(answer).toHaveBeenCalledTimes(2);
    done(new Response(null, { status: 204 }));
    await other;
    answer.mockImplementation(() => Promise.resolve(problem(409, {})));
    await expect(request('/conversations/2/close', { method: 'POST' })).rejects.toBeInstanceOf(Problem);
    await expect(request('/conversations/2/close', { method: 'POST' })).rejects.toBeInstanceOf(Problem);
    expect(answer).toHaveBeenCalledTimes(4);
  });

  it('throws the problem that the server told', async () => {
    answer.mockResolvedValue(problem(409, { status: 409, detail: 'taken', errors: [{ location: 'body.username' }] }));
    const error: unknown = await request('/users').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ status: 409, detail: 'taken', locations: ['body.username'], key: 'problem.conflict' });
  });

  it('has a sentence for no answer, for no JSON and for what it does not know', async () => {
    answer.mockRejectedValueOnce(new TypeError('failed to fetch'));
    expect(problemKey(await request('/x').catch((e: unknown) => e))).toBe('problem.offline');
    answer.mockResolvedValueOnce(new Response('<html>', { status: 502 }));
    expect(problemKey(await request('/x').catch((e: unknown) => e))).toBe('problem.unavailable');
    answer.mockResolvedValueOnce(problem(418, {}));
    expect(problemKey(await request('/x').catch((e: unknown) => e))).toBe('problem.internal');
    expect(problemKey(new Error('else'))).toBe('problem.internal');
  });

  it('tells of the end of the session, but not when logging in', async () => {
    const ended = vi.fn();
    whenUnauthorized(ended);
    answer.mockImplementation(() => Promise.resolve(problem(401, {})));
    await request('/session', { method: 'POST', anonymous: true }).catch(() => undefined);
    expect(ended).not.toHaveBeenCalled();
    await request('/calls').catch(() => undefined);
    expect(ended).toHaveBeenCalledOnce();
  });
});

describe('a page that was read', () => {
  it.each([
    ['stays without a connection', new Problem(0), {}, false],
    ['stays while the server is away', new Problem(503), {}, false],
    ['goes when what it shows is gone', new Problem(404), {}, true],
    ['goes when one may not see it any more', new Problem(403), {}, true],
    ['that was never read says what is wrong', new Problem(0), undefined, true],
    ['goes when it cannot be understood', new Error('x'), {}, true],
    ['stays when nothing is wrong', null, {}, false],
  ])('%s', (_, error, data, gone) => {
    expect(!!lost(error, data)).toBe(gone);
  });
});
