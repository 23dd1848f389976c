import { lazy, type ComponentType } from 'react';
import { allWords } from '../i18n';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as React's own lazy has it
type Part = ComponentType<any>;
type Fetch<P extends Part> = () => Promise<{ default: P }>;

const waiting: (() => Promise<unknown>)[] = [() => allWords()];
let running = false;

async function fetchAll(): Promise<void> {
  running = true;
  for (let next = waiting.shift(); next; next = waiting.shift()) await next().catch(() => undefined);
  running = false;
}

function soon(): void {
  if (running || document.readyState !== 'complete') return;
  if ('requestIdleCallback' in window) requestIdleCallback(() => void fetchAll(), { timeout: 3000 });
  else setTimeout(() => void fetchAll(), 1000);
}
window.addEventListener('load', soon, { once: true });

/** whenShown is a part that comes, with all words, when it is shown. */
export const whenShown = <P extends Part>(fetch: Fetch<P>) => lazy(() => Promise.all([fetch(), allWords()]).then(([part]) => part));

/** later is a part that the first sight of a page does not need: it comes when it is shown, or when the page stands, whichever is first. */
export function later<P extends Part>(fetch: Fetch<P>) {
  waiting.push(fetch);
  soon();
  return whenShown(fetch);
}
