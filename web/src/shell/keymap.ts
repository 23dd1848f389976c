// Which keys the user has given to actions instead of their own; kept in the browser, as language and theme are.
import { useSyncExternalStore } from 'react';

export interface Key {
  /** KeyboardEvent.code: the place on the keyboard, whatever is printed there. */
  code: string;
  shift?: boolean;
}

/** The actions whose keys may be changed, with the keys that they have by themselves and their words. */
export const changeable = {
  next: { code: 'KeyJ', label: 'desktop.do.next' },
  previous: { code: 'KeyK', label: 'desktop.do.previous' },
  reply: { code: 'KeyR', label: 'desktop.do.reply' },
  note: { code: 'KeyN', label: 'desktop.do.note' },
  resolve: { code: 'KeyE', label: 'desktop.do.resolve' },
  resolveNext: { code: 'KeyE', shift: true, label: 'desktop.do.resolveNext' },
  snooze: { code: 'KeyZ', label: 'desktop.do.snooze' },
  assign: { code: 'KeyA', label: 'desktop.do.assign' },
  ticket: { code: 'KeyT', label: 'desktop.do.ticket' },
  macro: { code: 'KeyM', label: 'rules.macros' },
} as const satisfies Record<string, Key & { label: string }>;

export type Changeable = keyof typeof changeable;
export const changeables = Object.keys(changeable) as Changeable[];
type Map = Partial<Record<string, Key>>;

const store = 'tingxin.keys';
const listeners = new Set<() => void>();

/** readKeys takes what was kept, but for what makes no sense any more. */
export function readKeys(text: string | null): Map {
  try {
    const kept = JSON.parse(text ?? '{}') as Record<string, Partial<Key> | null>;
    const out: Map = {};
    for (const id of changeables) {
      const key = kept[id];
      if (key && typeof key.code === 'string' && usable(key.code)) out[id] = { code: key.code, shift: key.shift === true };
    }
    return out;
  } catch {
    return {};
  }
}

let map: Map | undefined;
const current = (): Map => (map ??= readKeys(localStorage.getItem(store)));

/** usable says that a key may be given to an action: a letter that leads nowhere by itself. G begins the ways to the pages. */
export const usable = (code: string): boolean => /^Key[A-Z]$/.test(code) && code !== 'KeyG';

/** keyOf is the key of an action; own is the one it has by itself. */
export const keyOf = (id: string, own: Key): Key => current()[id] ?? own;

export const same = (a: Key, b: Key): boolean => a.code === b.code && !!a.shift === !!b.shift;

/** holder is the action that has a key, if any but `but` does. */
export const holder = (key: Key, but: Changeable): Changeable | undefined => changeables.find((id) => id !== but && same(keyOf(id, changeable[id]), key));

/** setKey gives an action a key; undefined gives it its own again. */
export function setKey(id: Changeable, key: Key | undefined): void {
  const others = Object.fromEntries(Object.entries(current()).filter(([name]) => name !== id));
  keep(!key || same(key, changeable[id]) ? others : { ...others, [id]: { code: key.code, shift: !!key.shift } });
}

/** resetKeys gives all actions their own keys again. */
export const resetKeys = (): void => keep({});

function keep(next: Map): void {
  map = next;
  localStorage.setItem(store, JSON.stringify(next));
  for (const listener of listeners) listener();
}

/** useKeymap is what was changed; whoever shows keys is drawn anew when that changes. */
export const useKeymap = (): Map =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
