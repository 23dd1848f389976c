import { Centrifuge } from 'centrifuge';
import type { Wall } from '../admin/kinds';
import { base } from './client';

/** How long after a refusal the wallboard asks again, ms: it may have been let in meanwhile. */
const askAgain = 30_000;

/**
 * openWall follows the figures of a wallboard, which the server tells once a second:
 * by the token, or with an empty one by login. It returns what ends that.
 */
export function openWall(token: string, onWall: (wall: Wall) => void, onRefused: () => void): () => void {
  const { protocol, host } = window.location;
  const client = new Centrifuge(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}${base}/wall/realtime`, { token, minReconnectDelay: 500, maxReconnectDelay: 4000 });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  client.on('publication', ({ data }) => onWall(data as Wall));
  client.on('disconnected', () => {
    // The server's last word, as for a token that was revoked.
    if (over) return;
    onRefused();
    timer = setTimeout(() => client.connect(), askAgain);
  });
  client.connect();
  return () => {
    over = true;
    clearTimeout(timer);
    client.disconnect();
  };
}
