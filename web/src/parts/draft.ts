// What somebody has begun to write and no server has: kept in this browser, so that neither a reload nor the end of a
// session loses it, until it is sent, saved elsewhere, or its author logs out.
const prefix = 'tingxin.draft.';

/** mostDrafts bounds what one user leaves in a browser; the oldest goes first. */
export const mostDrafts = 50;

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

interface Kept {
  at: number;
  value: unknown;
}

const names = (store: Store, of: string): string[] => Array.from({ length: store.length }, (_, i) => store.key(i) ?? '').filter((name) => name.startsWith(of));

function kept(store: Store, name: string): Kept | undefined {
  try {
    return JSON.parse(store.getItem(name) ?? '') as Kept;
  } catch {
    return undefined;
  }
}

/** draftOf is what a user has begun of `what`. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what was kept under a name is known to who reads it
export const draftOf = <T>(user: string, what: string, store: Store = localStorage): T | undefined => kept(store, `${prefix}${user}.${what}`)?.value as T | undefined;

/** keepDraft keeps it; undefined forgets it. */
export function keepDraft(user: string, what: string, value: unknown, store: Store = localStorage, now = Date.now()): void {
  const name = `${prefix}${user}.${what}`;
  try {
    if (value === undefined) {
      store.removeItem(name);
      return;
    }
    if (store.getItem(name) === null) {
      const others = names(store, `${prefix}${user}.`).sort((a, b) => (kept(store, a)?.at ?? 0) - (kept(store, b)?.at ?? 0));
      for (const old of others.slice(0, Math.max(0, others.length - mostDrafts + 1))) store.removeItem(old);
    }
    store.setItem(name, JSON.stringify({ at: now, value } satisfies Kept));
  } catch {
    // A full store keeps what it has; the page still has the text.
  }
}

/** forgetDrafts is the end of a user's day at this browser. */
export function forgetDrafts(user: string, store: Store = localStorage): void {
  for (const name of names(store, `${prefix}${user}.`)) store.removeItem(name);
}
