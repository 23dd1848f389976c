import { queryOptions, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { components } from '../api/openapi';
import { stateOf, useLimits } from '../call/mood';
import { useFormat } from '../i18n/format';
import { walk } from '../parts/Ribbon';
import '../parts/mood.css';

type MessageMood = components['schemas']['MessageMood'];

/** talkMood is how upset each message of the customer is. */
const talkMood = (id: number) => queryOptions({ queryKey: ['conversation', id, 'mood'], queryFn: ({ signal }) => request<{ items: MessageMood[] }>(`/conversations/${id}/mood`, { signal }).then((found) => found.items) });

/** TalkRibbon is how each message of the customer sounded by its words; a press goes there. */
export function TalkRibbon({ id, go }: { id: number; go: (message: number) => void }) {
  const { t } = useTranslation();
  const { time, number } = useFormat();
  const { data } = useQuery(talkMood(id));
  const limits = useLimits();
  const list = (data ?? []).slice(-120);
  if (list.length === 0) return null;
  return (
    <div className="ribbon" role="toolbar" aria-label={t('desktop.ribbon')} onKeyDown={walk}>
      {list.map((one, i) => {
        const words = `${time(one.at).slice(0, 5)} ${t(`mood.${stateOf(one.e, limits)}`)} ${number(100 * one.e)}`;
        return (
          <button key={one.message} type="button" className="ribbon-bar" tabIndex={i === list.length - 1 ? 0 : -1} title={words} aria-label={words} onClick={() => go(one.message)}>
            <i className={`ribbon-${stateOf(one.e, limits)}`} style={{ height: `${Math.round(Math.max(0.15, Math.min(1, one.e)) * 100)}%` }} />
          </button>
        );
      })}
    </div>
  );
}
