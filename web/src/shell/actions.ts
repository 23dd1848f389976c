// What can be done now: pages and parts put their actions here while they are shown,
// the palette and the keys take them.
import { useEffect, useSyncExternalStore } from 'react';
import type { IconName } from '../parts/Icon';
import { keyOf, same, type Key } from './keymap';

/** Groups of the palette and of the sheet of keys, in their order. */
export const groups = ['work', 'write', 'context', 'view', 'phone', 'go'] as const;
export type Group = (typeof groups)[number];

export interface Action {
  id: string;
  group: Group;
  label: string;
  icon?: IconName;
  /** KeyboardEvent.code, pressed alone outside of fields. */
  code?: string;
  shift?: boolean;
  /** How a chord is written that somebody else listens to. */
  keys?: readonly string[];
  run: () => void;
}

const sources = new Map<symbol, readonly Action[]>();
const listeners = new Set<() => void>();
let all: readonly Action[] = [];

function changed(): void {
  all = [...sources.values()].flat();
  for (const listener of listeners) listener();
}

/** useActions offers actions while the component is there; the list should be memoised. */
export function useActions(actions: readonly Action[]): void {
  useEffect(() => {
    const source = Symbol();
    sources.set(source, actions);
    changed();
    return () => {
      sources.delete(source);
      changed();
    };
  }, [actions]);
}

export const actionsNow = (): readonly Action[] => all;

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** useAllActions is what can be done now. */
export const useAllActions = (): readonly Action[] => useSyncExternalStore(subscribe, actionsNow);

/** placeOf is the key of an action: its own, or the one that the user has given it. */
const placeOf = (action: Action): Key | undefined => (action.code ? keyOf(action.id, { code: action.code, shift: action.shift }) : undefined);

/** byKey is the action of a key; the one that was put here last wins. */
export const byKey = (actions: readonly Action[], code: string, shift: boolean): Action | undefined => actions.findLast((action) => {
  const key = placeOf(action);
  return key !== undefined && same(key, { code, shift });
});

/** keysOf is how an action's key is written. */
export const keysOf = (action: Action): readonly string[] => {
  const key = placeOf(action);
  return action.keys ?? (key ? [...(key.shift ? ['⇧'] : []), key.code.replace(/^Key|^Digit/, '')] : []);
};

/** matching is the actions whose words hold all that was typed, those that begin so first. */
export function matching(actions: readonly Action[], typed: string): Action[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const score = (action: Action) => (action.label.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1);
  return actions
    .filter((action) => words.every((word) => action.label.toLowerCase().includes(word)))
    .map((action, i) => ({ action, i }))
    .sort((a, b) => (words.length > 0 ? score(a.action) - score(b.action) : 0) || groups.indexOf(a.action.group) - groups.indexOf(b.action.group) || a.i - b.i)
    .map(({ action }) => action);
}
