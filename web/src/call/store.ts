import type { Feed } from '../api/feed';
import type { Event, LivePage, Load, PartialText, Reading, Side, Utterance } from '../api/model';
import { nobody, roster, type Roster, type RosterAction } from './roster';
import { silence, talk, type Action, type Talk } from './talk';

/** What the stores ask of the server: snapshots. */
export interface Snapshots {
  live: () => Promise<LivePage>;
  transcript: (id: string) => Promise<Utterance[]>;
  readings?: (id: string) => Promise<Reading[]>;
}

/** Store holds one value that changes, for useSyncExternalStore. */
export class Store<T> {
  private readonly listeners = new Set<() => void>();
  constructor(protected value: T) {}

  readonly get = (): T => this.value;

  protected set(value: T): void {
    if (value === this.value) return;
    this.value = value;
    for (const listener of this.listeners) listener();
  }

  /** A store follows the feed while it has listeners. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.begin();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.end();
    };
  };

  protected begin(): void {
    /* nothing to follow */
  }

  protected end(): void {
    /* nothing to leave */
  }
}

/** retrying asks again after 1, 2, 4 ... 15 s, until `wanted` says no. */
async function retrying<T>(ask: () => Promise<T>, wanted: () => boolean): Promise<T | null> {
  for (let wait = 1000; wanted(); wait = Math.min(wait * 2, 15_000)) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return null;
}

/** How long a call that ended stays in the list, in ms. */
const grace = 8000;
/** How many points of load are kept: 10 minutes at one per 2 s. */
const loadPoints = 300;

export interface LoadPoint extends Load {
  at: number;
}

/** Floor is the running calls and the load: what the channel `calls` tells. */
export class Floor extends Store<Roster> {
  private leave: (() => void) | null = null;
  private round = 0;
  private points: readonly LoadPoint[] = [];

  constructor(
    private readonly feed: Feed,
    private readonly snapshots: Snapshots,
  ) {
    super(nobody);
  }

  readonly load = (): readonly LoadPoint[] => this.points;

  protected override begin(): void {
    this.leave = this.feed.watch('calls', { onEvent: (event) => this.follow(event), onSync: () => void this.sync() });
  }

  protected override end(): void {
    this.round++;
    this.leave?.();
    this.leave = null;
  }

  private follow(event: Event): void {
    if (event.type === 'system.load') {
      this.points = [...this.points.slice(1 - loadPoints), { ...event.data, at: Date.parse(event.at) }];
      this.set({ ...this.value });
      return;
    }
    this.apply({ type: 'event', event });
    if (event.type === 'call.ended') {
      setTimeout(() => this.apply({ type: 'forget', id: event.data.id }), grace);
    }
  }

  private apply(action: RosterAction): void {
    this.set(roster(this.value, action));
  }

  private async sync(): Promise<void> {
    const round = ++this.round;
    const asked = this.value.seq;
    const page = await retrying(this.snapshots.live, () => round === this.round);
    if (page && round === this.round) this.apply({ type: 'snapshot', calls: page.items ?? [], seq: page.seq ?? asked, asked });
  }
}

/** Thread is the words of one running call: what the channel `call:<id>` tells. */
class Thread extends Store<Talk> {
  private leave: (() => void) | null = null;
  private round = 0;

  constructor(
    private readonly id: string,
    private readonly feed: Feed,
    private readonly snapshots: Snapshots,
    /** Told when the thread begins and ends to be read. */
    private readonly read: (thread: Thread, reading: boolean) => void,
  ) {
    super(silence);
  }

  protected override begin(): void {
    this.read(this, true);
    this.leave = this.feed.watch(`call:${this.id}`, { onEvent: (event) => this.apply({ type: 'event', event }), onSync: () => void this.sync() });
  }

  protected override end(): void {
    this.round++;
    this.leave?.();
    this.leave = null;
    this.read(this, false);
  }

  private apply(action: Action): void {
    this.set(talk(this.value, action));
  }

  private async sync(): Promise<void> {
    const round = ++this.round;
    const asked = this.value.seq;
    const ask = () => Promise.all([this.snapshots.transcript(this.id), this.snapshots.live(), this.snapshots.readings?.(this.id) ?? []]);
    const found = await retrying(ask, () => round === this.round);
    if (!found || round !== this.round) return;
    const [utterances, page, readings] = found;
    const partial: Partial<Record<Side, PartialText>> = page.items?.find((call) => call.id === this.id)?.partial ?? {};
    this.apply({ type: 'snapshot', snapshot: { utterances, partial, readings, seq: page.seq ?? asked }, asked });
  }
}

/** Threads keeps one Thread per call while somebody reads it. */
export class Threads {
  private readonly threads = new Map<string, Thread>();

  constructor(
    private readonly feed: Feed,
    private readonly snapshots: Snapshots,
  ) {}

  of(id: string): Store<Talk> {
    const known = this.threads.get(id);
    if (known) return known;
    return new Thread(id, this.feed, this.snapshots, (thread, reading) => {
      if (reading) this.threads.set(id, thread);
      else if (this.threads.get(id) === thread) this.threads.delete(id);
    });
  }
}
