import type { Centrifuge, Subscription } from 'centrifuge';
import { base } from './client';
import type { Event } from './model';

/** How the connection to the realtime feed stands. */
export type Link = 'connecting' | 'online' | 'offline';

/** Someone who follows a channel. */
export interface Watcher {
  onEvent: (event: Event) => void;
  /** The channel was joined without its past: take a snapshot, events go on meanwhile. */
  onSync: () => void;
}

/** centrifuge's code for a connection that we asked for. */
const asked = 0;
/** When a client that did not come is fetched again, ms. */
const fetchAgain = 5000;

interface Channel {
  /** Absent until there is a client. */
  subscription?: Subscription;
  watchers: Set<Watcher>;
}

/**
 * Feed is the browser's one connection to the realtime feed. It joins a channel
 * while somebody watches it. After a lost connection the server sends what was
 * missed; when it can't, watchers are told to take a snapshot. Its client is fetched
 * when the page stands.
 */
export class Feed {
  private client?: Centrifuge;
  private closed = false;
  private readonly channels = new Map<string, Channel>();
  private readonly listeners = new Set<() => void>();
  private link: Link = 'connecting';
  private readonly suffix: string;

  /**
   * onTrouble is called whenever the connection breaks off or can't be made; who may not follow the feed has none.
   * suffix stands behind the names of channels for those who see a part of it only, as the session says.
   */
  constructor(address: string, onTrouble: () => void, live = true, suffix = '') {
    this.suffix = suffix;
    if (!live) {
      this.link = 'offline';
      return;
    }
    this.begin(address, onTrouble);
  }

  /** begin connects; a client that cannot be fetched is asked for again, as a connection that cannot be made is tried again. */
  private begin(address: string, onTrouble: () => void): void {
    if (this.closed) return;
    this.connect(address, onTrouble).catch(() => {
      if (this.closed) return;
      this.setLink('offline');
      onTrouble();
      setTimeout(() => this.begin(address, onTrouble), fetchAgain);
    });
  }

  private async connect(address: string, onTrouble: () => void): Promise<void> {
    const { Centrifuge } = await import('centrifuge');
    if (this.closed) return;
    const client = new Centrifuge(address, { minReconnectDelay: 300, maxReconnectDelay: 5000 });
    client.on('connected', () => this.setLink('online'));
    client.on('connecting', ({ code }) => {
      this.setLink('connecting');
      if (code !== asked) onTrouble();
    });
    client.on('disconnected', () => {
      this.setLink('offline');
      onTrouble();
    });
    client.on('error', onTrouble);
    this.client = client;
    for (const [name, channel] of this.channels) this.subscribeTo(client, name, channel);
    client.connect();
  }

  readonly state = (): Link => this.link;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** watch follows a channel until the returned function is called. */
  watch(name: string, watcher: Watcher): () => void {
    const channel = this.channels.get(name) ?? this.join(name);
    channel.watchers.add(watcher);
    if (channel.subscription && (channel.subscription.state as string) === 'subscribed') queueMicrotask(() => watcher.onSync());
    return () => {
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0) this.leave(name, channel);
    };
  }

  close(): void {
    this.closed = true;
    this.client?.disconnect();
    this.channels.clear();
  }

  private join(name: string): Channel {
    const channel: Channel = { watchers: new Set() };
    this.channels.set(name, channel);
    if (this.client) this.subscribeTo(this.client, name, channel);
    return channel;
  }

  private subscribeTo(client: Centrifuge, name: string, channel: Channel): void {
    const subscription = client.newSubscription(name + this.suffix);
    channel.subscription = subscription;
    subscription.on('publication', ({ data }) => {
      for (const watcher of channel.watchers) watcher.onEvent(data as Event);
    });
    subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      if (wasRecovering && recovered) return;
      for (const watcher of channel.watchers) watcher.onSync();
    });
    subscription.subscribe();
  }

  private leave(name: string, channel: Channel): void {
    if (this.channels.get(name) !== channel) return;
    this.channels.delete(name);
    if (channel.subscription) this.client?.removeSubscription(channel.subscription);
  }

  private setLink(link: Link): void {
    if (link === this.link) return;
    this.link = link;
    for (const listener of this.listeners) listener();
  }
}

/** feedAddress is the WebSocket address of the feed beside the page's own. */
export function feedAddress(location: { protocol: string; host: string }): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${base}/realtime`;
}
