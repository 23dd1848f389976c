type Value = string | number | boolean | null | undefined | ((event: never) => unknown);
type Props = Record<string, Value>;
type Child = Node | string | null | undefined | false;

/**
 * h makes an element: on… are listeners, class is the class, booleans are
 * attributes that are there or not. Texts are texts: nothing is read as HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on') && typeof value === 'function') element.addEventListener(key.slice(2), value as EventListener);
    else if (typeof value === 'function') continue;
    else if (key === 'value') (element as unknown as HTMLInputElement).value = String(value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  put(element, ...children);
  return element;
}

/** put appends what is there. */
export function put(parent: Node, ...children: Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) parent.appendChild(typeof child === 'string' ? document.createTextNode(child) : child);
}

const shapes = {
  chat: 'M4 5h16v11H9l-5 4z',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M15 5l-7 7 7 7',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  send: 'M4 12l16-8-6 16-3-6z',
  clip: 'M8 12l6-6a3 3 0 014 4l-8 8a5 5 0 01-7-7l8-8',
  phone: 'M5 4h4l2 5-3 2a12 12 0 005 5l2-3 5 2v4c-8 2-17-7-15-15z',
  mail: 'M4 6h16v12H4zM4 7l8 6 8-6',
  ticket: 'M4 7h16v4a2 2 0 000 4v3H4v-3a2 2 0 000-4zM14 7v11',
  person: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4 21a8 8 0 0116 0',
  mute: 'M9 5a3 3 0 016 0v6M9 9v2a3 3 0 005 2M5 11a7 7 0 0011 6M19 11v1M12 18v3M4 4l16 16',
  mic: 'M9 5a3 3 0 016 0v6a3 3 0 01-6 0zM5 11a7 7 0 0014 0M12 18v3',
  keys: 'M6 6h.01M12 6h.01M18 6h.01M6 12h.01M12 12h.01M18 12h.01M6 18h.01M12 18h.01M18 18h.01',
  star: 'M12 4l2.5 5.2 5.7.8-4.1 4 1 5.6-5.1-2.7-5.1 2.7 1-5.6-4.1-4 5.7-.8z',
  again: 'M5 12a7 7 0 107-7H8M10 2L7 5l3 3',
  right: 'M9 5l7 7-7 7',
};
export type IconName = keyof typeof shapes;

const svg = 'http://www.w3.org/2000/svg';

/** icon is a picture that says nothing: its button has the words. */
export function icon(name: IconName): SVGElement {
  const root = document.createElementNS(svg, 'svg');
  for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: `icon icon-${name}` })) root.setAttribute(key, value);
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', shapes[name]);
  root.appendChild(path);
  return root;
}

/** linked is a text whose addresses of the web are links. */
export function linked(text: string): Node {
  const out = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"'，。；！？、）】]+[^\s<>"'，。；！？、）】.,;:!?)]/g)) {
    put(out, text.slice(end, found.index), h('a', { href: found[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, found[0]));
    end = found.index + found[0].length;
  }
  put(out, text.slice(end));
  return out;
}
