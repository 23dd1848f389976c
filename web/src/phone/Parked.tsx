import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { parked } from '../api/line';
import { useChannel, useNow } from '../call/hooks';
import { clock, firstOf } from '../i18n/format';
import { useNames } from './control';
import { useDeeds, useReady } from './hooks';

const told = ['call.parked', 'call.unparked', 'call.ended'] as const;

/** Parked are the calls that wait to be picked up by whoever is free; nothing while there are none. */
export function Parked() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data } = useQuery(parked);
  const names = useNames();
  const now = useNow((data?.items?.length ?? 0) > 0);
  const { dial } = useDeeds();
  const ready = useReady();
  useChannel('calls', useCallback(() => void client.invalidateQueries({ queryKey: parked.queryKey }), [client]), told);
  const items = data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section className="card desk-parked" aria-label={t('calldesk.park.title')}>
      <div className="card-head">
        <h2>{t('calldesk.park.title')}</h2>
      </div>
      <ul className="colleagues">
        {items.map((item) => (
          <li key={item.slot}>
            <span className="tag num">{item.slot}</span>
            <span className="colleague-who">
              <strong className="num">{firstOf(item.from, t('live.unknown'))}</strong>
              <span className="muted num">
                {clock(now - Date.parse(item.at))}
                {item.by && ` · ${t('calldesk.park.by', { who: firstOf(names[item.by], item.by) })}`}
              </span>
            </span>
            <button type="button" className="small-button small-main" disabled={!ready} aria-label={t('calldesk.park.pickWho', { who: item.from, slot: item.slot })} onClick={() => dial(item.slot)}>
              {t('calldesk.park.pick')}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
