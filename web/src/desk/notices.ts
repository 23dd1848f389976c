// Notices of the browser while the page is out of sight: that something came, not what it says.
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { firstOf } from '../i18n/format';
import { keyOf, type DeskItem } from './work';

const remembered = 'tingxin.notices';

export type Bell = 'none' | 'ask' | 'off' | 'on' | 'refused';

function bellNow(): Bell {
  if (!('Notification' in window)) return 'none';
  if (Notification.permission === 'denied') return 'refused';
  if (Notification.permission !== 'granted') return 'ask';
  return localStorage.getItem(remembered) === 'off' ? 'off' : 'on';
}

/** useBell is whether this browser shows notices, and the way to change it. */
export function useBell(): { bell: Bell; press: () => void } {
  const [bell, setBell] = useState(bellNow);
  const press = useCallback(() => {
    const now = bellNow();
    if (now === 'ask') {
      void Notification.requestPermission().then(() => setBell(bellNow()));
      return;
    }
    if (now === 'on' || now === 'off') localStorage.setItem(remembered, now === 'on' ? 'off' : 'on');
    setBell(bellNow());
  }, []);
  return { bell, press };
}

/** fresh are the pieces of work in which somebody began to wait, or was named, since `before`. */
export function fresh(before: ReadonlyMap<string, string>, items: readonly DeskItem[]): DeskItem[] {
  return items.filter((item) => item.group === 'now' && [item.unread, item.mentioned, item.kind === 'ticket'].includes(true) && before.get(keyOf(item)) !== stamp(item));
}

/** waiting is how many pieces of work somebody has written to, or been named in, and nobody has looked at. */
export const waiting = (items: readonly DeskItem[]): number => items.filter((item) => item.group === 'now' && [item.unread, item.mentioned].includes(true)).length;

const stamp = (item: DeskItem): string => `${item.since ?? ''}${item.mentioned ? '@' : ''}${item.kind === 'ticket' ? item.state : ''}`;

/** useNotices tells what came while nobody looked. */
export function useNotices(items: readonly DeskItem[] | undefined, bell: Bell, open: (key: string) => void): void {
  const { t } = useTranslation();
  const before = useRef<Map<string, string> | null>(null);
  useEffect(() => {
    if (!items) return;
    const known = before.current;
    before.current = new Map(items.map((item) => [keyOf(item), stamp(item)]));
    if (!known || bell !== 'on' || !document.hidden) return;
    for (const item of fresh(known, items).slice(0, 3)) {
      const key = keyOf(item);
      const notice = new Notification(firstOf(item.name, t('app.name')), { body: t(item.mentioned ? 'desktop.noticeMention' : item.kind === 'ticket' ? 'desktop.noticeTicket' : 'desktop.noticeMessage'), tag: key });
      notice.onclick = () => {
        window.focus();
        open(key);
        notice.close();
      };
    }
  }, [items, bell, open, t]);
}
