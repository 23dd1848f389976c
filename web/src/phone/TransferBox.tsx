import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { board } from '../api/queries';
import { clock } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Colleagues } from './Colleagues';
import type { Order } from './control';
import { useDeeds, useSoftphone } from './hooks';
import { dialable, type Line } from './state';

/** QueueRows are the queues that a caller can be put back into. */
function QueueRows({ find, give }: { find: string; give: (queue: string) => void }) {
  const { t } = useTranslation();
  const { data } = useQuery(board);
  const wanted = find.trim().toLowerCase();
  const queues = (data?.items ?? []).filter((queue) => `${queue.id} ${queue.name}`.toLowerCase().includes(wanted));
  if (queues.length === 0) return <p className="colleagues-none">{t('callwork.noQueue')}</p>;
  return (
    <ul className="colleagues">
      {queues.map((queue) => (
        <li key={queue.id}>
          <span className={`dot dot-${queue.free > 0 ? 'good' : queue.agents > 0 ? 'fair' : 'unknown'}`} aria-hidden="true" />
          <span className="colleague-who">
            <strong>{queue.name || queue.id}</strong>
            <span className="muted num">
              {t('callwork.queueNow', { count: queue.waiting })} · {queue.estimate_ms < 0 ? t('queues.nobody') : `${t('queues.estimate')} ${clock(queue.estimate_ms)}`}
            </span>
          </span>
          <button type="button" className="small-button small-main" aria-label={`${t('desk.give')}: ${queue.name || queue.id}`} onClick={() => give(queue.id)}>
            {t('desk.give')}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** TransferBox gives a call to somebody: at once, or after asking there first; or back to a queue. */
export function TransferBox({ line, order, close }: { line: Line; order?: (order: Order) => void; close: () => void }) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const { dial } = useDeeds();
  const [typed, setTyped] = useState('');
  const [tab, setTab] = useState<'people' | 'queues'>('people');
  const number = dialable(typed);
  const give = (to: string) => {
    phone.transfer(line.id, to);
    close();
  };
  const ask = (to: string) => {
    dial(to);
    close();
  };
  const both = (to: string, who: string) => (
    <span className="transfer-deeds">
      <button type="button" className="small-button" onClick={() => ask(to)} title={t('desk.askHint')} aria-label={`${t('desk.ask')}: ${who}`}>
        {t('desk.ask')}
      </button>
      <button type="button" className="small-button small-main" onClick={() => give(to)} title={t('desk.giveHint')} aria-label={`${t('desk.give')}: ${who}`}>
        {t('desk.give')}
      </button>
    </span>
  );
  return (
    <div className="transfer-box">
      <h2>{t('desk.transferTo')}</h2>
      <label className="transfer-find">
        <Icon name="search" size={16} />
        <span className="hidden">{t('desk.who')}</span>
        <input value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t('desk.who')} autoComplete="off" spellCheck={false} />
      </label>
      {order && (
        <div className="tabs" role="tablist" aria-label={t('desk.transferTo')}>
          {(['people', 'queues'] as const).map((key) => (
            <button key={key} type="button" role="tab" aria-selected={tab === key} className="tab" onClick={() => setTab(key)}>
              {t(`callwork.${key}`)}
            </button>
          ))}
        </div>
      )}
      {tab === 'people' && number && (
        <div className="transfer-number">
          <strong className="num">{number}</strong>
          {both(number, number)}
        </div>
      )}
      {tab === 'people' && <Colleagues find={typed} deeds={(c) => both(c.username, c.name || c.username)} />}
      {tab === 'queues' && order && (
        <QueueRows
          find={typed}
          give={(queue) => {
            order({ path: 'transfer', body: { to: { queue } } });
            close();
          }}
        />
      )}
    </div>
  );
}
