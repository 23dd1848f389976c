// When a hand was last on any tab of this browser: a tab that lies behind does not lock
// the session of the one that is worked in.

const key = 'tingxin.touched';

/** Touched keeps when a hand was last on the page, of Date.now(). */
export class Touched {
  private own = Date.now();
  private told = 0;

  constructor(private readonly store: Pick<Storage, 'getItem' | 'setItem'>) {}

  /** touch is called with every move of the hand; the other tabs are told at most once a second. */
  touch = (): void => {
    const now = Date.now();
    this.own = now;
    if (now - this.told < 1000) return;
    this.told = now;
    try {
      this.store.setItem(key, String(now));
    } catch {
      // Each tab counts for itself then.
    }
  };

  /** last is the newest touch of all tabs. What lies in the future counts as nothing: a wrong clock keeps no page open. */
  last(): number {
    let other = 0;
    try {
      other = Number(this.store.getItem(key));
    } catch {
      // Each tab counts for itself then.
    }
    return other <= Date.now() ? Math.max(this.own, other) : this.own;
  }
}

/** hideBeside takes what pages have put beside the root (dialogs, menus, messages) out of sight and reach; the answer undoes it. */
export function hideBeside(body: HTMLElement, root: Element | null): () => void {
  const hidden = new Set<HTMLElement>();
  const hide = () => {
    for (const element of body.children) {
      if (!(element instanceof HTMLElement) || element.contains(root) || element.inert) continue;
      element.inert = true;
      element.classList.add('guard-hidden');
      hidden.add(element);
    }
  };
  hide();
  const observer = new MutationObserver(hide);
  observer.observe(body, { childList: true });
  return () => {
    observer.disconnect();
    for (const element of hidden) {
      element.inert = false;
      element.classList.remove('guard-hidden');
    }
  };
}
