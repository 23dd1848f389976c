// The realtime feed as centrifuge speaks it in JSON: enough of the protocol for centrifuge-js.
import { randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';

export class Feed {
  constructor(historySize = 200) {
    this.epoch = randomUUID().slice(0, 8);
    this.historySize = historySize;
    this.channels = new Map();
    this.seq = 0;
    this.sockets = new WebSocketServer({ noServer: true });
  }

  channel(name) {
    if (!this.channels.has(name)) this.channels.set(name, { offset: 0, history: [], clients: new Set() });
    return this.channels.get(name);
  }

  publish(name, type, call, data) {
    const channel = this.channel(name);
    // The data goes on changing in the world behind it: what was said is fixed here.
    const event = { seq: ++this.seq, type, at: new Date().toISOString(), call: call || undefined, data: structuredClone(data) };
    const publication = { data: event, offset: ++channel.offset };
    channel.history.push(publication);
    if (channel.history.length > this.historySize) channel.history.shift();
    for (const client of channel.clients) client.send(JSON.stringify({ push: { channel: name, pub: publication } }));
  }

  /** forget loses the history, as after a long absence: clients must take a snapshot. */
  forget() {
    this.epoch = randomUUID().slice(0, 8);
    for (const channel of this.channels.values()) channel.history = [];
  }

  /** cut closes every connection, as a network does. */
  cut() {
    for (const socket of this.sockets.clients) socket.terminate();
  }

  /** upgrade takes a client; a wallboard is told its figures each second. */
  upgrade(request, socket, head, wall) {
    this.sockets.handleUpgrade(request, socket, head, (client) => {
      const told = wall && setInterval(() => client.send(JSON.stringify({ push: { channel: 'wall', pub: { data: wall() } } })), 1000);
      const ping = setInterval(() => client.send('{}'), 20_000);
      client.on('message', (text) => {
        for (const line of String(text).split('\n')) if (line) this.command(client, JSON.parse(line), !!wall);
      });
      client.on('close', () => {
        clearInterval(ping);
        clearInterval(told);
        for (const channel of this.channels.values()) channel.clients.delete(client);
      });
    });
  }

  command(client, { id, connect, subscribe, unsubscribe }, wall) {
    const reply = (body) => client.send(JSON.stringify({ id, ...body }));
    if (connect) reply({ connect: { client: randomUUID(), version: 'mock', ping: 25, pong: true, subs: wall ? { wall: {} } : undefined } });
    if (subscribe) reply({ subscribe: this.subscribe(client, subscribe) });
    if (unsubscribe) {
      this.channel(unsubscribe.channel).clients.delete(client);
      reply({ unsubscribe: {} });
    }
  }

  subscribe(client, { channel: name, recover, offset = 0, epoch }) {
    const channel = this.channel(name);
    channel.clients.add(client);
    const missed = channel.history.filter((p) => p.offset > offset);
    const recovered = !!recover && epoch === this.epoch && missed.length === channel.offset - offset;
    return { recoverable: true, positioned: true, epoch: this.epoch, offset: channel.offset, was_recovering: !!recover, recovered, publications: recovered ? missed : [] };
  }
}
