import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Select } from 'antd';
import { useCallback, useEffect, useEffectEvent, useId, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { CallSummary, WrapUp } from '../api/model';
import { problemKey } from '../api/problem';
import { wrapUp as proposalOf, type Proposal } from '../assist/data';
import { call as callOf, desk, dispositions, ownCalls, session } from '../api/queries';
import { useQueueName } from '../api/queues';
import { useNow } from '../call/hooks';
import { clock, firstOf } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { usePhone } from './hooks';
import './wrapup.css';

/** What is written about a call. */
export interface Draft {
  disposition: string;
  notes: string;
  tags: string[];
  /** As an input of type datetime-local has it, local time; '' is none. */
  followUp: string;
}

/** How long before the end of the wrap-up what was written is sent by itself, ms. */
const early = 2500;

/** localMoment is a moment as an input of type datetime-local shows it. */
export function localMoment(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** soon are the moments that follow-ups are mostly promised for. */
export function soon(now: Date): { key: string; at: string }[] {
  const hour = new Date(now.getTime() + 3_600_000);
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9);
  const week = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 7, 9);
  return [
    { key: 'hour', at: localMoment(hour) },
    { key: 'tomorrow', at: localMoment(tomorrow) },
    { key: 'week', at: localMoment(week) },
  ];
}

const bodyOf = (draft: Draft) => ({
  disposition: draft.disposition || undefined,
  notes: draft.notes.trim() || undefined,
  tags: draft.tags,
  follow_up_at: draft.followUp ? new Date(draft.followUp).toISOString() : undefined,
});

interface FormProps {
  call: CallSummary;
  /** What was written before. */
  known?: WrapUp;
  /** What could be written, made from what was said. */
  proposal?: Proposal;
  /** When the wrap-up ends by itself. */
  deadline?: string;
  since?: string;
  done: () => void;
}

function Form({ call, known, proposal, deadline, since, done }: FormProps) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const id = useId();
  const { data: offered, isPending: unknown } = useQuery(dispositions(call.queue ?? ''));
  const [draft, setDraft] = useState<Draft>(() => {
    const later = known ? known.follow_up_at : proposal?.follow_up_at;
    return { disposition: known?.disposition ?? '', notes: known?.notes ?? proposal?.summary.join('\n') ?? '', tags: known?.tags ?? proposal?.tags ?? [], followUp: later ? localMoment(new Date(later)) : '' };
  });
  const [touched, setTouched] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const now = useNow();
  const left = deadline ? Date.parse(deadline) - now : undefined;
  const likely = (code: string) => proposal?.dispositions.find((guess) => guess.code === code)?.p;
  const first = (offered?.find((one) => one.code === proposal?.dispositions[0]?.code) ?? offered?.[0])?.code ?? '';
  // Who writes up later has left it open on purpose.
  const chosen = draft.disposition || (known && !since ? '' : first);
  const put = useMutation({
    mutationFn: (body: Draft) => request(`/calls/${call.id}/wrap-up`, { method: 'PUT', body: bodyOf({ ...body, disposition: body.disposition || chosen }) }),
    onSettled: () => client.invalidateQueries({ queryKey: ['calls'] }),
    onError: (error) => void message.error(t(problemKey(error))),
  });
  const change = (more: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...more }));
    setTouched(true);
  };
  const save = () => put.mutate(draft, { onSuccess: done });

  // What was written is not lost when the time is up.
  const sent = useRef(false);
  const saveInTime = useEffectEvent(() => {
    if (!touched || sent.current) return;
    sent.current = true;
    put.mutate(draft);
  });
  const due = left !== undefined && left < early;
  useEffect(() => {
    if (due) saveInTime();
  }, [due]);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('input[type=radio]:checked, textarea')?.focus();
  }, [offered]);

  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    // A tag is entered by Enter too, and a button has its own.
    if (event.target instanceof HTMLElement && event.target.closest('.ant-select, button')) return;
    event.preventDefault();
    if (!put.isPending && !unknown) save();
  };
  return (
    <form ref={form} className="wrap" onKeyDown={onKey} onSubmit={(event) => { event.preventDefault(); if (!unknown) save(); }}>
      <div className="wrap-time">
        {left !== undefined ? (
          <>
            <span className="wrap-bar" aria-hidden="true">
              <i style={{ inlineSize: `${Math.max(0, Math.min(100, (left / Math.max(1, Date.parse(deadline ?? '') - Date.parse(since ?? ''))) * 100))}%` }} />
            </span>
            <span className={left < 10_000 ? 'num wrap-late' : 'num muted'} role="timer">
              {t('callwork.wrap.left', { time: clock(Math.max(0, left)) })}
            </span>
          </>
        ) : (
          since && <span className="num muted">{t('callwork.wrap.since', { time: clock(now - Date.parse(since)) })}</span>
        )}
      </div>
      {offered && offered.length > 0 && (
        <fieldset className="wrap-outcomes">
          <legend>{t('callwork.wrap.outcome')}</legend>
          {offered.slice(0, 12).map((one) => (
            <label key={one.code} className="wrap-outcome">
              <input type="radio" name={id} value={one.code} checked={chosen === one.code} onChange={() => change({ disposition: one.code })} />
              <span>{i18n.language === 'zh-CN' ? firstOf(one.name_zh, one.name_en) : firstOf(one.name_en, one.name_zh)}</span>
              {likely(one.code) !== undefined && (
                <span className="wrap-likely num" title={t('assist.likely')}>
                  {Math.round(100 * (likely(one.code) ?? 0))}%
                </span>
              )}
            </label>
          ))}
        </fieldset>
      )}
      <label className="wrap-field">
        <span>{t('callwork.wrap.notes')}</span>
        <textarea rows={3} maxLength={8000} value={draft.notes} onChange={(event) => change({ notes: event.target.value })} />
      </label>
      <div className="wrap-field">
        <label htmlFor={`${id}tags`}>{t('callwork.wrap.tags')}</label>
        <Select id={`${id}tags`} mode="tags" value={draft.tags} maxCount={20} open={false} suffix={null} tokenSeparators={[',', '，', ';']} onChange={(tags: string[]) => change({ tags: tags.map((tag) => tag.slice(0, 64)) })} />
      </div>
      <div className="wrap-field">
        <label htmlFor={`${id}later`}>{t('callwork.wrap.followUp')}</label>
        <span className="wrap-later">
          <input id={`${id}later`} type="datetime-local" value={draft.followUp} onChange={(event) => change({ followUp: event.target.value })} />
          {draft.followUp ? (
            <button type="button" className="round" aria-label={t('callwork.wrap.noFollowUp')} title={t('callwork.wrap.noFollowUp')} onClick={() => change({ followUp: '' })}>
              <Icon name="close" size={16} />
            </button>
          ) : (
            soon(new Date(now)).map(({ key, at }) => (
              <button key={key} type="button" className="small-button" onClick={() => change({ followUp: at })}>
                {t(`callwork.wrap.in.${key}`)}
              </button>
            ))
          )}
        </span>
      </div>
      <div className="wrap-end">
        <span className="muted">{t('callwork.wrap.enter')}</span>
        <button type="submit" className="wrap-save" disabled={put.isPending || unknown}>
          {t(deadline || since ? 'callwork.wrap.done' : 'settings.save')}
        </button>
      </div>
    </form>
  );
}

/** WrapUpCard asks about one call; it is not in the way of the rest of the page. */
export function WrapUpCard({ call, deadline, since, done }: Omit<FormProps, 'known' | 'proposal'>) {
  const { t } = useTranslation();
  const { data: detail, isError } = useQuery(callOf(call.id));
  // The form opens filled in; without a proposal it opens empty.
  const { data: proposal, isPending } = useQuery(proposalOf({ kind: 'call', id: call.id }));
  const { data } = useSuspenseQuery(session);
  const [folded, setFolded] = useState(false);
  const queueName = useQueueName();
  // The first answer fills the form; what is typed then is not overwritten.
  const known = detail?.wrap_ups.find((w) => w.by === data?.user.username);
  const own = call.from === data?.user.username;
  const who = own ? call.to : firstOf(call.from_name, call.from);
  return (
    <section className="card wrap-card" aria-label={t('callwork.wrap.title')}>
      <header>
        <h2>{t('callwork.wrap.title')}</h2>
        <span className="wrap-who">
          <strong>{who}</strong>
          {call.queue && <span className="muted">{queueName(call.queue)}</span>}
        </span>
        <button type="button" className="round" aria-expanded={!folded} aria-label={t(folded ? 'callwork.wrap.unfold' : 'callwork.wrap.fold')} onClick={() => setFolded(!folded)}>
          <Icon name={folded ? 'up' : 'down'} size={16} />
        </button>
        {!since && (
          <button type="button" className="round" aria-label={t('live.close')} onClick={done}>
            <Icon name="close" size={16} />
          </button>
        )}
      </header>
      {(detail ?? isError) && !isPending && (
        <div hidden={folded}>
          <Form key={call.id} call={call} known={known} proposal={proposal} deadline={deadline} since={since} done={done} />
        </div>
      )}
    </section>
  );
}

/** How much later than the wrap-up's beginning the end of its call may be written, ms; and earlier, by other clocks. */
const near = 60_000;

/**
 * callBefore is the call that a wrap-up is about: the newest of a queue that ended about
 * when it began, or goes on with somebody else. Others of that day are not: the record
 * of the right one may be on its way.
 */
export function callBefore(calls: readonly CallSummary[] | undefined, since: string | undefined): CallSummary | undefined {
  const began = Date.parse(since ?? '');
  return calls?.find((call) => call.queue && (call.state !== 'ended' || !call.ended_at || Date.parse(call.ended_at) > began - near));
}

/** WrapUpDock shows the card on every page while its agent is in wrap-up. */
export function WrapUpDock() {
  const { data } = useSuspenseQuery(session);
  const { data: mine } = useQuery(desk);
  const client = useQueryClient();
  const wrapping = mine?.agent?.state === 'wrap_up';
  const username = data?.user.username ?? '';
  const since = mine?.agent?.since;
  const { data: calls, refetch } = useQuery({ ...ownCalls(username), enabled: wrapping, refetchInterval: (query) => (wrapping && !callBefore(query.state.data, since) ? 2000 : false) });
  const talking = usePhone().lines.some((line) => line.phase === 'talking');
  useEffect(() => {
    if (!wrapping) return;
    // The record of the call is written a moment after its end.
    void refetch();
    const timer = setTimeout(() => void refetch(), 1200);
    return () => clearTimeout(timer);
  }, [wrapping, since, refetch]);
  const ready = useMutation({
    mutationFn: () => request('/agents/me/wrap-up/end', { method: 'POST' }),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  const { mutate } = ready;
  const done = useCallback(() => mutate(), [mutate]);
  const last = callBefore(calls, since);
  if (!wrapping || talking || !last) return null;
  return (
    <div className="wrap-dock">
      <WrapUpCard key={last.id} call={last} deadline={mine.agent?.deadline} since={since} done={done} />
    </div>
  );
}
