import { Centrifuge, SubscriptionState, type Subscription } from 'centrifuge';
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

interface Channel {
  subscription: Subscription;
  watchers: Set<Watcher>;
}

/**
 * Feed is the browser's one connection to the realtime feed. It joins a channel
 * while somebody watches it. After a lost connection the server sends what was
 * missed; when it can't, watchers are told to take a snapshot.
 */
export class Feed {
  private readonly client: Centrifuge;
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
    this.client = new Centrifuge(address, { minReconnectDelay: 300, maxReconnectDelay: 5000 });
    this.client.on('connected', () => this.setLink('online'));
    this.client.on('connecting', ({ code }) => {
      this.setLink('connecting');
      if (code !== asked) onTrouble();
    });
    this.client.on('disconnected', () => {
      this.setLink('offline');
      onTrouble();
    });
    this.client.on('error', onTrouble);
    if (live) this.client.connect();
    else this.link = 'offline';
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
    if (channel.subscription.state === SubscriptionState.Subscribed) queueMicrotask(() => watcher.onSync());
    return () => {
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0) this.leave(name, channel);
    };
  }

  close(): void {
    this.client.disconnect();
    this.channels.clear();
  }

  private join(name: string): Channel {
    const channel: Channel = { subscription: this.client.newSubscription(name + this.suffix), watchers: new Set() };
    this.channels.set(name, channel);
    channel.subscription.on('publication', ({ data }) => {
      for (const watcher of channel.watchers) watcher.onEvent(data as Event);
    });
    channel.subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      if (wasRecovering && recovered) return;
      for (const watcher of channel.watchers) watcher.onSync();
    });
    channel.subscription.subscribe();
    return channel;
  }

  private leave(name: string, channel: Channel): void {
    if (this.channels.get(name) !== channel) return;
    this.channels.delete(name);
    this.client.removeSubscription(channel.subscription);
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
