import { describe, expect, it, vi } from 'vitest';
import { linked } from './dom';
import { type Frame, Link } from './link';
import { parse } from './sip';
import { Memory } from './store';
import { brand, contrast } from './style';
import { pieces, Thread } from './thread';
import { fill, langOf, words } from './words';

const rgb = (hex = ''): [number, number, number] => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as [number, number, number];

describe('brand', () => {
  it.each(['#1d5fd1', '#2f6b3a', '#ffd400', '#808080', '#ff5a5f', '#000000', '#ffffff', 'pink'])('%s can be read in light and dark', (color) => {
    for (const dark of [false, true]) {
      const b = brand(color, dark);
      expect(contrast(rgb(b['--brand']), rgb(b['--on-brand']))).toBeGreaterThanOrEqual(4.5);
      expect(contrast(rgb(b['--brand-ink']), rgb(dark ? '#171b22' : '#ffffff'))).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe('parse', () => {
  it('reads short names, folded lines and repeated headers', () => {
    const m = parse('SIP/2.0 200 OK\r\nv: SIP/2.0/WSS a;branch=z\r\nRecord-Route: <sip:a>\r\nRecord-Route: <sip:b>\r\nSubject: one\r\n two\r\ni: x\r\n\r\nv=0\r\n');
    expect(m?.headers.get('via')).toEqual(['SIP/2.0/WSS a;branch=z']);
    expect(m?.headers.get('record-route')).toEqual(['<sip:a>', '<sip:b>']);
    expect(m?.headers.get('subject')).toEqual(['one two']);
    expect(m?.headers.get('call-id')).toEqual(['x']);
    expect(m?.body).toBe('v=0\r\n');
  });
  it.each(['', '\r\n\r\n', 'hello\r\n\r\n', 'BYE sip:a SIP/2.0\r\nno colon\r\n\r\n'])('takes %j for none', (text) => {
    expect(parse(text)).toBeUndefined();
  });
});

describe('words', () => {
  it('fills what is known and leaves the rest', () => {
    expect(fill('{n} of {m}', { n: 1 })).toBe('1 of {m}');
  });
  it('knows Chinese by its tags', () => {
    expect(['zh', 'zh-Hans-CN', 'ZH-tw', 'en-GB', 'zhx', ''].map(langOf)).toEqual(['zh-CN', 'zh-CN', 'zh-CN', 'en', 'en', 'en']);
  });
  it('has the same places in both languages', () => {
    const [zh, en] = [words('zh-CN'), words('en')];
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect(places(zh[key]), key).toEqual(places(en[key]));
  });
});

describe('linked', () => {
  it('makes links of addresses only, without the mark behind', () => {
    const box = document.createElement('p');
    box.append(linked('see https://shop.example/a?b=1。 and javascript:alert(1) <b>'));
    expect([...box.querySelectorAll('a')].map((a) => a.href)).toEqual(['https://shop.example/a?b=1']);
    expect(box.textContent).toBe('see https://shop.example/a?b=1。 and javascript:alert(1) <b>');
    expect(box.querySelector('b')).toBeNull();
  });
});

describe('Link', () => {
  it('forgets what another visitor of this browser has written, and keeps it for the same one', async () => {
    const memory = new Memory('shop.');
    const left = [{ id: 'a', frame: { type: 'msg', text: 'my card' }, at: 1 }];
    const visit = async (visitor: string) => {
      vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ token: 't', expires_in: 600, visitor })));
      const stranger = vi.fn();
      const link = new Link({ server: '', site: 'shop', lang: 'en' }, memory, { message: vi.fn(), reset: vi.fn(), changed: vi.fn(), settled: vi.fn(), stranger });
      await link.session();
      return { pending: link.pending.map((one) => one.id), kept: memory.read('pending'), stranger: stranger.mock.calls.length };
    };
    memory.write('pending', left);
    expect(await visit('one')).toEqual({ pending: ['a'], kept: left, stranger: 0 });
    expect(await visit('one')).toEqual({ pending: ['a'], kept: left, stranger: 0 });
    expect(await visit('two')).toEqual({ pending: [], kept: undefined, stranger: 1 });
    vi.unstubAllGlobals();
  });
});

describe('pieces', () => {
  it('cuts a long text where words end, and loses none of it', () => {
    const words = Array.from({ length: 900 }, (_, i) => `word${i}`).join(' ');
    const cut = pieces(words, 2000);
    expect(cut.length).toBe(Math.ceil(words.length / 2000));
    expect(cut.join(' ')).toBe(words);
    expect(cut.every((piece) => piece.length <= 2000)).toBe(true);
  });
  it('cuts what has no gaps, never within a character', () => {
    expect(pieces('长'.repeat(5000), 2000).map((piece) => piece.length)).toEqual([2000, 2000, 1000]);
    expect(pieces(`a${'😀'.repeat(4)}`, 4)).toEqual(['a😀', '😀😀', '😀']);
  });
  it('leaves a short one as it is', () => {
    expect([pieces('one\n\ntwo', 2000), pieces('', 2000)]).toEqual([['one\n\ntwo'], []]);
  });
});

describe('Thread', () => {
  const ask: Frame = { type: 'msg', seq: 7, from: 'system', text: 'Solved?', choices: [{ id: 'yes', label: 'Yes' }] };
  it('says of which day a message is when it is not of today', () => {
    const link = { status: { state: 'open', read: 0 }, pending: [], options: { server: '' } } as unknown as Link;
    const thread = new Thread(words('en'), 'en', link, { choose: vi.fn(), retryUpload: vi.fn(), dropUpload: vi.fn() });
    thread.add({ type: 'msg', seq: 1, from: 'agent', text: 'old', at: '2020-03-05T12:30:00Z' });
    thread.add({ type: 'msg', seq: 2, from: 'agent', text: 'new', at: new Date().toISOString() });
    thread.draw([], []);
    const times = [...thread.root.querySelectorAll('.meta')].map((one) => one.textContent);
    expect(times[0]).toContain('Mar');
    expect(times[1]).not.toMatch(/[A-Z][a-z]{2} \d/);
  });
  const end: Frame = { type: 'msg', seq: 8, kind: 'event', event: 'closed' };
  it.each([
    ['of a conversation that goes on', 'open', [ask], true],
    ['from before the end', 'closed', [ask, end], false],
    ['that came after the end', 'closed', [{ ...end, seq: 6 }, ask], true],
  ])('takes a press on a button %s: %s', (_, state, all, live) => {
    const link = { status: { state, read: 0 }, pending: [], options: { server: '' } } as unknown as Link;
    const choose = vi.fn();
    const thread = new Thread(words('en'), 'en', link, { choose, retryUpload: vi.fn(), dropUpload: vi.fn() });
    for (const m of all) thread.add(m);
    thread.draw([], []);
    thread.root.querySelector<HTMLButtonElement>('.choices button')?.click();
    expect(choose.mock.calls).toEqual(live ? [[7, 'yes']] : []);
  });
});
