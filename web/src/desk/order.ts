// The order of the work list while somebody points at it or types: it stays, and
// what would have moved up is counted.

/** Placed is a piece of work in the server's order. */
export interface Placed {
  key: string;
  group: string;
}

export interface Held {
  /** Keys in the order to show; some may be gone from the list. */
  order: string[];
  /** How many pieces of work would stand higher now. */
  more: number;
}

/** hold keeps the order that is shown: what is new stands at the end, what is gone stays where it was. */
export function hold(shown: readonly string[], fresh: readonly Placed[]): Held {
  const there = new Set(shown);
  const order = [...shown, ...fresh.filter((one) => !there.has(one.key)).map((one) => one.key)];
  const wanted = fresh.map((one) => one.key);
  const now = new Set(fresh.filter((one) => one.group === 'now').map((one) => one.key));
  const present = new Set(wanted);
  const place = new Map(order.filter((key) => present.has(key)).map((key, i) => [key, i]));
  const more = wanted.filter((key, i) => now.has(key) && i < (place.get(key) ?? 0)).length;
  return { order, more };
}

/** quiet is how long after the last key an order may change again, ms. */
export const quiet = 4000;
