import { useSyncExternalStore } from 'react';

export type Choice = 'auto' | 'light' | 'dark';
export type Theme = 'light' | 'dark';

const remembered = 'tingxin.theme';
const listeners = new Set<() => void>();
const system = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Choice {
  const value = localStorage.getItem(remembered);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

let choice = stored();

function resolve(): Theme {
  if (choice !== 'auto') return choice;
  return system.matches ? 'dark' : 'light';
}

function apply(): void {
  document.documentElement.dataset.theme = resolve();
  for (const listener of listeners) listener();
}

/** startTheme paints in the remembered theme, and follows the system's where none was chosen. */
export function startTheme(): void {
  system.addEventListener('change', apply);
  apply();
}

/** setTheme switches, and remembers the choice in this browser. */
export function setTheme(next: Choice): void {
  choice = next;
  localStorage.setItem(remembered, next);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, resolve);
export const useChoice = (): Choice => useSyncExternalStore(subscribe, () => choice);
