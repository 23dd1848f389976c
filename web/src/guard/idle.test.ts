import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hideBeside, Touched } from './idle';

const kept = new Map<string, string>();
let writes = 0;
const store = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => {
    writes++;
    kept.set(key, value);
  },
};

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  kept.clear();
  writes = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Touched', () => {
  it('counts a hand on another tab', () => {
    const [one, two] = [new Touched(store), new Touched(store)];
    vi.advanceTimersByTime(60_000);
    one.touch();
    expect(two.last()).toBe(Date.now());
  });
  it('tells the others at most once a second', () => {
    const one = new Touched(store);
    for (let i = 0; i < 20; i++) {
      one.touch();
      vi.advanceTimersByTime(100);
    }
    expect(writes).toBe(2);
    expect(one.last()).toBe(Date.now() - 100);
  });
  it('takes no time that lies in the future', () => {
    const one = new Touched(store);
    kept.set('tingxin.touched', String(Date.now() + 3_600_000));
    expect(one.last()).toBe(1_000_000);
    kept.set('tingxin.touched', 'nonsense');
    expect(one.last()).toBe(1_000_000);
  });
});

describe('hideBeside', () => {
  it('takes dialogs beside the root out of reach, those that come later too, and gives them back', async () => {
    document.body.innerHTML = '<div id="root"><p id="lock"></p></div><div id="dialog"></div>';
    const show = hideBeside(document.body, document.getElementById('lock'));
    const later = document.createElement('div');
    document.body.append(later);
    await vi.waitFor(() => expect(later.inert).toBe(true));
    const dialog = document.getElementById('dialog');
    expect(dialog?.inert).toBe(true);
    expect(document.getElementById('root')?.inert).toBe(false);
    show();
    expect([dialog?.inert, later.inert, later.className]).toEqual([false, false, '']);
  });
});
