import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Softphone } from './softphone';

/** Session stands for one of JsSIP's: what the page asks of it, and what it tells. */
class Session {
  static n = 0;
  readonly id = `s${Session.n++}`;
  readonly remote_identity = { uri: { user: '555' }, display_name: '' };
  readonly connection = null;
  readonly answers: unknown[] = [];
  ready = true;
  held = false;
  private readonly told = new Map<string, (event: never) => void>();
  constructor(readonly direction: 'incoming' | 'outgoing') {}
  on = (name: string, tell: (event: never) => void) => void this.told.set(name, tell);
  tell = (name: string, event: object = {}) => this.told.get(name)?.(event as never);
  isOnHold = () => ({ local: this.held, remote: false });
  isEnded = () => false;
  answer = (options: { mediaStream: unknown }) => void this.answers.push(options.mediaStream);
  readonly terminated: unknown[] = [];
  terminate = (options?: unknown) => void this.terminated.push(options);
  hold = (_: object, done: () => void) => {
    if (!this.ready) return false;
    this.held = true;
    this.tell('hold', { originator: 'local' });
    done();
    return true;
  };
}

class Track {
  stopped = false;
  stop = () => void (this.stopped = true);
}
const opened: Track[] = [];
let opens = Promise.resolve();
const page: { agent?: Agent; servers: object[] } = { servers: [] };

class Agent {
  private readonly told = new Map<string, (event: never) => void>();
  readonly calls: Session[] = [];
  constructor() {
    page.agent = this;
  }
  on = (name: string, tell: (event: never) => void) => void this.told.set(name, tell);
  arrives = (session: Session, header?: string) => this.told.get('newRTCSession')?.({ originator: 'remote', session, request: { getHeader: () => header } } as never);
  start = () => undefined;
  stop = () => undefined;
  call = () => {
    const session = new Session('outgoing');
    this.calls.push(session);
    return session;
  };
}

vi.mock('jssip', () => ({ default: { WebSocketInterface: Object, URI: Object, UA: Agent } }));
vi.mock('./sound', () => ({ repeat: () => () => undefined, ringBack: {}, ringTone: {}, setSink: () => undefined }));
vi.mock('./devices', () => ({
  chosen: () => ({ input: '', output: '' }),
  onChoice: () => () => undefined,
  usable: () => true,
  microphone: async () => {
    await opens;
    const track = new Track();
    opened.push(track);
    return { getTracks: () => [track] };
  },
}));
vi.mock('../api/client', () => ({
  request: () =>
    Promise.resolve({ user: 'lin', domain: 'tingxin', token: 't', ws_path: '/sip', ice_servers: page.servers, expires_at: new Date(Date.now() + 900_000).toISOString() }),
}));

async function phone(): Promise<Softphone> {
  const made = new Softphone('lin', 'Lin');
  made.start();
  await vi.waitFor(() => expect(page.agent).toBeDefined());
  return made;
}

beforeEach(() => {
  opened.length = 0;
  opens = Promise.resolve();
  page.agent = undefined;
  page.servers = [];
  vi.stubGlobal('isSecureContext', true);
  Object.defineProperty(navigator, 'locks', { configurable: true, value: { request: (_: string, __: object, held: () => Promise<void>) => held() } });
});

describe('answering', () => {
  it('happens once, however often the key is pressed while the microphone opens', async () => {
    const lin = await phone();
    const session = new Session('incoming');
    page.agent?.arrives(session);
    await Promise.all([lin.answer(session.id), lin.answer(session.id)]);
    expect(session.answers).toHaveLength(1);
    expect(opened).toHaveLength(1);
    lin.stop();
  });
  it('of a caller who has hung up meanwhile gives the microphone back', async () => {
    const lin = await phone();
    const session = new Session('incoming');
    page.agent?.arrives(session);
    let open: () => void = () => undefined;
    opens = new Promise((resolve) => (open = resolve));
    const answered = lin.answer(session.id);
    session.tell('failed', { cause: 'Canceled' });
    open();
    await answered;
    expect(session.answers).toHaveLength(0);
    expect(opened.map((track) => track.stopped)).toEqual([true]);
    lin.stop();
  });
});

describe('ringing', () => {
  const call = '0190d8a0-0000-7000-8000-000000000001';
  it.each([
    ['of somebody who calls goes back after 20 s', undefined, [{ status_code: 480 }]],
    ['of a queue ends when the queue says so', `${call};role=agent`, []],
    ['of a call-back ends when the queue says so', `${call};role=caller;work=${call}`, []],
  ])('%s', async (_, header, ended) => {
    const lin = await phone();
    vi.useFakeTimers();
    const session = new Session('incoming');
    page.agent?.arrives(session, header);
    vi.advanceTimersByTime(45_000);
    expect(session.terminated).toEqual(ended);
    vi.useRealTimers();
    lin.stop();
  });
});

describe('calling beside a call', () => {
  it('waits until the other is held, also when something else is being agreed on', async () => {
    const lin = await phone();
    const first = new Session('incoming');
    page.agent?.arrives(first);
    await lin.answer(first.id);
    first.tell('confirmed');
    first.ready = false;
    const calling = lin.call('8002');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(page.agent?.calls).toHaveLength(0);
    first.ready = true;
    await calling;
    expect(first.held).toBe(true);
    expect(page.agent?.calls).toHaveLength(1);
    lin.stop();
  });
});

describe('gathering', () => {
  it.each([
    [[], 'host', true],
    [[{ urls: ['turn:x'], username: 'u', credential: 'c' }], 'host', false],
    [[{ urls: ['turn:x'], username: 'u', credential: 'c' }], 'relay', true],
  ])('with servers %j ends at once with an address of kind %s: %s', async (servers, type, atOnce) => {
    page.servers = servers;
    const lin = await phone();
    await lin.call('8002');
    const ready = vi.fn();
    page.agent?.calls[0]?.tell('icecandidate', { candidate: { type }, ready });
    expect(ready).toHaveBeenCalledTimes(atOnce ? 1 : 0);
    if (!atOnce) await vi.waitFor(() => expect(ready).toHaveBeenCalled(), 1000);
    lin.stop();
  });
});
