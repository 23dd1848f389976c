import { App, type Settings } from './app';
import type { Identity } from './link';

interface Door {
  options: Settings;
  waiting: [string, unknown[]][];
  script: HTMLScriptElement;
  open(): void;
  close(): void;
  ask(text: string): void;
  identify(identity: Identity): void;
}

declare global {
  interface Window {
    Tingxin?: Partial<Door>;
  }
}

/** begin puts the widget where the page wants it, and does what the page asked for meanwhile. */
function begin(): void {
  const door = window.Tingxin;
  if (!door?.options) return;
  const settings = door.options;
  let place: Node = document.body;
  if (settings.mode === 'inline') place = (settings.target ? document.querySelector(settings.target) : door.script?.parentElement) ?? document.body;
  if (settings.mode === 'page') {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('html, body { margin: 0; height: 100%; }');
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  const app = new App(settings, place);
  const acts: Pick<Door, 'open' | 'close' | 'ask' | 'identify'> = {
    open: () => app.show(),
    close: () => app.hide(),
    ask: (text) => app.ask(text),
    identify: (identity) => app.identify(identity),
  };
  Object.assign(door, acts);
  for (const [name, args] of door.waiting ?? []) (acts as unknown as Record<string, ((...all: unknown[]) => void) | undefined>)[name]?.(...args);
}

// The loader may stand in the head.
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
else begin();
