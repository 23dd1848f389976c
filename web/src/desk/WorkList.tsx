import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall } from '../api/model';
import { lost } from '../api/problem';
import { stateOf, useLimits } from '../call/mood';
import { clock, firstOf, useFormat } from '../i18n/format';
import { views as viewsOf } from '../inbox/data';
import { useOutbox } from '../inbox/hooks';
import { left } from '../inbox/outbox';
import { Icon, type IconName } from '../parts/Icon';
import { Face, MoodDot } from '../parts/Mood';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useNow } from '../call/hooks';
import { Rows, type Line } from './Rows';
import { Ring, Wait } from './Wait';
import { groups, scopes, useHeldOrder, useTyping, type DeskItem, type Entry, type Scope } from './work';

const channelIcons: Record<string, IconName> = { web: 'words', webhook: 'out', email: 'inbox', ticket: 'ticket', call: 'phone' };

function CallRow({ call, own }: { call: LiveCall; own: string }) {
  const { t } = useTranslation();
  const now = useNow();
  const placed = call.from === own;
  return (
    <>
      <span className="work-head">
        <span className="work-name num">{placed ? call.to : firstOf(call.from_name, call.from)}</span>
        <MoodDot call={call} />
        <span className="num">{clock(now - Date.parse(call.answered_at ?? call.started_at))}</span>
      </span>
      <span className="work-text">{firstOf(call.last_words?.text, t('desktop.onTheLine'))}</span>
    </>
  );
}

function ItemRow({ item }: { item: DeskItem }) {
  const { t } = useTranslation();
  const { time, day, number } = useFormat();
  const today = new Date(item.at).toDateString() === new Date().toDateString();
  const mood = stateOf(item.emotion, useLimits());
  const name = firstOf(item.name, item.kind === 'ticket' ? `#${item.id}` : t('inbox.visitor', { id: item.id }));
  return (
    <>
      <span className="work-head">
        <span className="work-name" dir="auto">{name}</span>
        {item.vip && <span className="work-vip">VIP</span>}
        {mood !== 'calm' && (
          <span className="mood-dot" role="img" aria-label={t(`mood.${mood}`)} title={`${t(`mood.${mood}`)} ${number(100 * item.emotion)}`}>
            <Face state={mood} />
          </span>
        )}
        {item.due && item.group === 'now' && <Ring due={item.due} target={item.target_ms ?? 0} />}
        {item.since ? <Wait since={item.since} /> : <span className="muted num">{item.until ? day(item.until) : today ? time(item.at).slice(0, 5) : day(item.at)}</span>}
      </span>
      <span className="work-foot">
        <span className="work-text" dir="auto">{firstOf(item.text, t('inbox.noText'))}</span>
        {item.mentioned && <span className="work-mark inbox-at">@</span>}
        {item.urgency === 'urgent' && <span className="work-mark work-urgent">{t('ticket.priorities.urgent')}</span>}
        {item.complaint && <span className="work-mark work-urgent">{t('inbox.complaint')}</span>}
        {item.unread && <span className="inbox-dot" role="img" aria-label={t('inbox.unread')} />}
      </span>
    </>
  );
}

interface Props {
  own: string;
  scope: Scope;
  view: number;
  data: { items: DeskItem[]; more?: boolean } | undefined;
  entries: readonly Entry[];
  error: unknown;
  retry: () => void;
  current?: string;
  onOpen: (key: string) => void;
  onScope: (scope: Scope, view: number) => void;
  /** The bell: asks for notices of the browser. */
  bell?: React.ReactNode;
}

function Scopes({ scope, view, onScope }: Pick<Props, 'scope' | 'view' | 'onScope'>) {
  const { t } = useTranslation();
  const saved = useQuery(viewsOf).data ?? [];
  return (
    <div className="work-scopes" role="tablist" aria-label={t('desktop.scopes')}>
      {scopes.map((name) => (
        <button key={name} type="button" role="tab" aria-selected={view === 0 && scope === name} className={view === 0 && scope === name ? 'chip chip-here' : 'chip'} onClick={() => onScope(name, 0)}>
          {t(`desktop.scope.${name}`)}
        </button>
      ))}
      {saved.map((one) => (
        <button key={one.id} type="button" role="tab" aria-selected={view === one.id} className={view === one.id ? 'chip chip-here' : 'chip'} onClick={() => onScope(scope, one.id)}>
          {one.name}
        </button>
      ))}
    </div>
  );
}

/** WorkList is what an agent works on; it does not move under the pointer or while somebody types. */
export function WorkList({ own, scope, view, data, entries: fresh, error, retry, current, onOpen, onScope, bell }: Props) {
  const { t } = useTranslation();
  const typing = useTyping();
  const [inside, setInside] = useState(false);
  const { letters } = useOutbox();
  const { entries, gone, more, settle } = useHeldOrder(fresh, typing || inside, `${scope}${view}`);
  const unsent = left(letters);
  const lines = useMemo(() => {
    const out: Line[] = [];
    for (const group of groups) {
      const of = entries.filter((one) => one.group === group);
      if (of.length === 0) continue;
      out.push({
        key: group,
        height: 30,
        render: () => (
          <h2 className="work-group">
            {t(`desktop.group.${group}`)} <span className="num muted">{of.length}</span>
          </h2>
        ),
      });
      for (const one of of) {
        const here = one.key === current;
        const icon = one.call ? 'call' : one.item.kind === 'ticket' ? 'ticket' : (one.item.channel ?? '');
        const waits = letters.some((letter) => letter.state !== 'held' && `chat:${letter.conversation}` === one.key);
        out.push({
          key: one.key,
          height: 58,
          render: () => (
            <button type="button" data-key={one.key} className={`work-row${here ? ' work-here' : ''}${one.item?.unread ? ' work-unread' : ''}${gone.has(one.key) ? ' work-gone' : ''}`} aria-current={here || undefined} onClick={() => onOpen(one.key)}>
              <span className={`work-icon work-icon-${icon}`}>
                <Icon name={channelIcons[icon] ?? 'words'} size={17} />
                <span className="hidden">{t(`desktop.kind.${icon}`, t(`inbox.channel.${icon}`, icon))}</span>
                {waits && <span className="work-waits" role="img" aria-label={t('desktop.letter.waiting')} title={t('desktop.letter.waiting')} />}
              </span>
              <span className="work-body">{one.call ? <CallRow call={one.call} own={own} /> : <ItemRow item={one.item} />}</span>
            </button>
          ),
        });
      }
    }
    return out;
  }, [entries, gone, current, own, onOpen, letters, t]);
  return (
    <section className="work" aria-label={t('desktop.work')} onPointerEnter={(event) => event.pointerType === 'mouse' && setInside(true)} onPointerLeave={() => setInside(false)}>
      <div className="work-top">
        <Scopes scope={scope} view={view} onScope={onScope} />
        {bell}
      </div>
      {unsent > 0 && (
        <p className="work-unsent" role="status">
          <Icon name="out" size={14} />
          {t('desktop.unsent', { count: unsent })}
        </p>
      )}
      {more > 0 && (
        <button type="button" className="work-more" onClick={settle}>
          <Icon name="up" size={14} />
          {t('desktop.moreUrgent', { count: more })}
        </button>
      )}
      {lost(error, data) ? <Failed error={error} retry={retry} /> : !data && entries.length === 0 ? <Waiting rows={6} /> : entries.length === 0 ? <Empty icon="inbox" title={t('desktop.noWork')} hint={t('desktop.noWorkHint')} /> : <Rows lines={lines} label={t('desktop.work')} current={current} />}
      {data?.more && <p className="work-rest muted">{t('desktop.restInInbox')}</p>}
    </section>
  );
}
