import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Dropdown, Popover } from 'antd';
import { Suspense, useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Offer } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { desk } from '../api/queries';
import { useQueueName } from '../api/queues';
import { useNow } from '../call/hooks';
import { clock, firstOf } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { later } from '../parts/later';
import { WhyLines } from '../parts/Why';
import { useMessage } from '../parts/messages';
import { useDeeds, usePhone, useSoftphone } from './hooks';
import { ringTime } from './softphone';
import type { Line } from './state';

export const declineReasons = ['busy', 'not_my_skill', 'conflict', 'technical', 'break', 'other'] as const;

/** Why somebody is not called whom one looks at. */
const skipReasons = ['not_now', 'wrong_number', 'not_suitable', 'done_already', 'do_not_call', 'other'] as const;

const Preview = later(() => import('../callout/Preview').then((callout) => ({ default: callout.Preview })));

/** What rings: a telephone, an offer of a queue, or one of them as the other's ring. */
export interface Ring {
  line?: Line;
  offer?: Offer;
}

/** ringOf puts a line that rings and an offer together when they are the same contact. */
export function ringOf(line: Line | undefined, offer: Offer | undefined): Ring[] {
  if (!line) return offer ? [{ offer }] : [];
  if (!offer) return [{ line }];
  return line.inside?.work === offer.work.id || line.inside?.call === offer.call ? [{ line, offer }] : [{ line }, { offer }];
}

/** useRings are what rings at this page's user now. */
export function useRings(): Ring[] {
  const { lines } = usePhone();
  const { data } = useQuery({ ...desk, notifyOnChangeProps: ['data'] });
  const now = Date.now();
  const offer = data?.offer;
  const due = offer && Date.parse(offer.deadline) > now ? offer : undefined;
  const line = lines.find((l) => l.phase === 'incoming' && !l.inside?.again);
  // The contact is being talked with already: the offer is about to go.
  const taken = due?.call !== undefined && lines.some((l) => l.phase === 'talking' && l.inside?.call === due.call);
  return useMemo(() => ringOf(line, taken ? undefined : due), [line, due, taken]);
}

/** useAnswers answers or declines what rings, by the telephone and at the queue. */
export function useAnswers() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const phone = useSoftphone();
  const { answer } = useDeeds();
  const ask = useMutation({
    mutationFn: (path: string) => request(path, { method: 'POST' }),
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 ? 'agent.gone' : problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  const { mutate } = ask;
  const accept = useCallback(
    ({ line, offer }: Ring) => {
      // The telephone's answer is the acceptance.
      if (line) {
        answer(line.id);
        return;
      }
      if (!offer) return;
      if (offer.call) phone.expect(offer.call);
      else if (offer.work.callback) phone.expect(offer.work.id);
      mutate(`/offers/${offer.token}/accept`);
    },
    [answer, phone, mutate],
  );
  const decline = useCallback(
    ({ line, offer }: Ring, reason?: string) => {
      // The queue takes the ring away.
      if (offer) mutate(`/offers/${offer.token}/decline${reason ? `?reason=${reason}` : ''}`);
      else if (line) phone.decline(line.id);
    },
    [phone, mutate],
  );
  const skip = useMutation({
    mutationFn: ({ work, reason }: { work: string; reason: string }) => request(`/call-lists/work/${encodeURIComponent(work)}/skip`, { method: 'POST', body: { reason } }),
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 ? 'agent.gone' : problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  return { accept, decline, skip: skip.mutate, pending: ask.isPending || skip.isPending };
}

/** RingTimer is what is left of the ringing: a circle that empties, and the seconds. */
function RingTimer({ left, whole }: { left: number; whole: number }) {
  const { t } = useTranslation();
  return (
    <span className="ring-timer" role="timer" aria-label={t('desk.left', { count: left })}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle cx="18" cy="18" r="15" />
        <circle cx="18" cy="18" r="15" pathLength={whole} strokeDasharray={`${left} ${whole}`} className="ring-left" />
      </svg>
      <span className="num" aria-hidden="true">
        {left}
      </span>
    </span>
  );
}

/** Facts are the queue, how long the customer has waited, and why it is this agent. */
function Facts({ offer, now }: { offer: Offer; now: number }) {
  const { t } = useTranslation();
  const queueName = useQueueName();
  return (
    <span className="ring-facts">
      <span className="tag">{queueName(offer.work.queue)}</span>
      {!offer.preview?.entry && <span className="num">{t('callwork.waited', { time: clock(now - Date.parse(offer.work.since)) })}</span>}
      {offer.work.why && (
        <Popover trigger="click" placement="top" title={t('queues.why')} content={<WhyLines why={offer.work.why} />}>
          <button type="button" className="text-button">
            {t('callwork.whyMe')}
          </button>
        </Popover>
      )}
    </span>
  );
}

/** Why is who is being called and why, while one calls for a list or back. */
export function Why({ line }: { line: Line }) {
  const { data } = useQuery({ ...desk, notifyOnChangeProps: ['data'] });
  const now = useNow();
  const calling = data?.calling;
  if (line.phase === 'ended' || !line.inside?.work || calling?.work !== line.inside.work) return null;
  return (
    <Suspense>
      <Preview preview={calling} now={now} />
    </Suspense>
  );
}

/** Incoming is what rings: who it is, how long it still rings, accept, decline with a reason. */
export function Incoming({ ring, chord }: { ring: Ring; chord: (letter: string) => string }) {
  const { t } = useTranslation();
  const { accept, decline, skip, pending } = useAnswers();
  const queueName = useQueueName();
  const now = useNow();
  const { line, offer } = ring;
  const preview = offer?.preview;
  const began = offer ? Date.parse(offer.at) : (line?.began ?? now);
  const ends = offer ? Date.parse(offer.deadline) : began + ringTime;
  const whole = Math.max(1, Math.round((ends - began) / 1000));
  const left = Math.min(whole, Math.max(0, Math.ceil((ends - now) / 1000)));
  const name = firstOf(line?.name, offer?.from_name, preview?.contact_name);
  const number = firstOf(line?.number, offer?.from, offer?.number);
  const kind = offer ? t(`queues.kinds.${offer.work.kind}`) : t('queues.kinds.voice');
  const declining = offer && declineReasons.map((key) => ({ key, label: t(`callwork.reasons.${key}`), onClick: () => decline(ring, key) }));
  const skipping = preview?.entry && [
    ...skipReasons.map((reason) => ({ key: reason, label: t(`callout.reasons.${reason}`), onClick: () => skip({ work: preview.work, reason }) })),
    { type: 'divider' as const },
    { key: 'pass', label: t('callout.pass'), onClick: () => decline(ring) },
  ];
  const beneath = preview ? t(preview.entry ? 'callout.toCall' : 'callout.toCallBack', { number }) : offer && offer.work.kind !== 'voice' ? t('agent.offer', { kind, queue: queueName(offer.work.queue) }) : name ? t('desk.calls', { number }) : t('desk.phase.incoming');
  return (
    <>
      {preview && <Suspense><Preview preview={preview} now={now} /></Suspense>}
      <div className="bar-line bar-incoming" data-phase="incoming" data-offer={offer ? 'true' : undefined}>
        <RingTimer left={left} whole={whole} />
        <div className="bar-who" role="alert">
          <strong>{firstOf(name, number, kind)}</strong>
          <span>{beneath}</span>
        </div>
        {offer && <Facts offer={offer} now={now} />}
        <div className="bar-buttons">
          {skipping ? (
            <Dropdown trigger={['click']} placement="topRight" menu={{ items: skipping }}>
              <button type="button" className="bar-button bar-decline" disabled={pending}>
                <Icon name="close" size={20} />
                <span>{t('callout.skip')}</span>
              </button>
            </Dropdown>
          ) : (
            <span className="bar-split">
            <button type="button" className="bar-button bar-decline" disabled={pending} title={`${t('desk.decline')} (${chord('X')})`} aria-keyshortcuts="Control+Shift+X" onClick={() => decline(ring)}>
              <Icon name="close" size={20} />
              <span>{t('desk.decline')}</span>
            </button>
            {declining && (
              <Dropdown trigger={['click']} placement="topRight" menu={{ items: declining }}>
                <button type="button" className="bar-button bar-decline bar-reason" disabled={pending} aria-label={t('callwork.declineWhy')} title={t('callwork.declineWhy')}>
                  <Icon name="up" size={16} />
                </button>
              </Dropdown>
            )}
          </span>
          )}
          <button type="button" className="bar-button bar-answer" disabled={pending} title={`${t('desk.answer')} (${chord('A')})`} aria-keyshortcuts="Control+Shift+A" onClick={() => accept(ring)}>
            <Icon name="phone" size={20} />
            <span>{t(preview?.looks ? 'callout.call' : offer ? 'agent.accept' : 'desk.answer')}</span>
          </button>
        </div>
      </div>
    </>
  );
}
