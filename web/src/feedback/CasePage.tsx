import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Button, Input, Segmented, Select } from 'antd';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { usePeople } from '../api/people';
import { session } from '../api/queries';
import type { Ticket } from '../api/model';
import { useChannel, useNow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Failed, Waiting } from '../parts/Notice';
import { DueMark } from '../parts/TicketMarks';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { leads } from '../shell/roles';
import '../pages/calls.css';
import '../pages/tickets.css';
import { caseStates, causes, oneCase, walk, ways, type CaseDetail, type Link as CustomerLink, type Note, type Step } from './api';
import './feedback.css';
import { label, Score, wordless } from './marks';

interface Act {
  path?: string;
  method?: 'PATCH' | 'POST';
  body: Record<string, unknown>;
}

function useAct(id: string) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path = '', method = 'POST', body }: Act) => request(`/cases/${id}${path}`, { method, body }),
    onError: (error) => void message.error(error instanceof Problem && (error.status === 409 || error.status === 422) ? t('feedback.refused', { why: error.detail }) : t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['feedback'] }),
  });
}

type Doer = ReturnType<typeof useAct>;

function Path({ detail }: { detail: CaseDetail }) {
  const { t } = useTranslation();
  const at = caseStates.indexOf(detail.case.state);
  return (
    <ol className="case-path" aria-label={t('feedback.path')}>
      {caseStates.map((state, i) => (
        <li key={state} className={i < at ? 'path-done' : i === at ? 'path-here' : ''} aria-current={i === at ? 'step' : undefined}>
          {t(`feedback.states.${state}`)}
        </li>
      ))}
    </ol>
  );
}

/** Tell writes to the customer, or writes down what was said already. */
function Tell({ act, button }: { act: Doer; button: string }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [way, setWay] = useState('');
  return (
    <>
      <Input.TextArea rows={4} value={text} maxLength={20000} placeholder={t('feedback.tellHint')} aria-label={t('feedback.tell')} onChange={(event) => setText(event.target.value)} />
      <div className="next-foot">
        <Select
          className="way"
          aria-label={t('feedback.way')}
          value={way}
          options={[{ value: '', label: t('feedback.ways.send') }, ...ways.map((value) => ({ value, label: t(`feedback.ways.${value}`) }))]}
          onChange={setWay}
        />
        <Button type="primary" disabled={!text.trim()} loading={act.isPending} onClick={() => act.mutate({ path: '/messages', body: { text, way: way || undefined } }, { onSuccess: () => setText('') })}>
          {way ? t('feedback.noteDown') : button}
        </Button>
      </div>
    </>
  );
}

function FindCause({ detail, act }: { detail: CaseDetail; act: Doer }) {
  const { t, i18n } = useTranslation();
  const all = useQuery(causes).data ?? [];
  const [cause, setCause] = useState(detail.case.cause);
  const [product, setProduct] = useState(detail.case.product ?? '');
  const [process, setProcess] = useState(detail.case.process ?? '');
  const [note, setNote] = useState('');
  const go = async () => {
    if (product !== (detail.case.product ?? '') || process !== (detail.case.process ?? '')) await act.mutateAsync({ method: 'PATCH', body: { product, process } });
    await act.mutateAsync({ path: '/move', body: { to: 'cause_found', cause, note: note || undefined } });
  };
  return (
    <>
      <div className="next-fields">
        <Select
          showSearch={{ optionFilterProp: 'title' }}
          aria-label={t('feedback.cause')}
          placeholder={t('feedback.cause')}
          value={cause}
          options={walk(all)
            .filter((at) => !at.cause.retired)
            .map((at) => ({ value: at.cause.code, title: label(at.cause, i18n.language), label: `${'\u2003'.repeat(at.depth)}${label(at.cause, i18n.language)}` }))}
          onChange={setCause}
        />
        <Input value={product} maxLength={80} placeholder={t('feedback.product')} aria-label={t('feedback.product')} onChange={(event) => setProduct(event.target.value)} />
        <Input value={process} maxLength={80} placeholder={t('feedback.process')} aria-label={t('feedback.process')} onChange={(event) => setProcess(event.target.value)} />
      </div>
      <Input.TextArea rows={2} value={note} maxLength={20000} placeholder={t('feedback.noteHint')} aria-label={t('feedback.note')} onChange={(event) => setNote(event.target.value)} />
      <div className="next-foot">
        <Button type="primary" disabled={!cause} loading={act.isPending} onClick={() => void go().catch(() => undefined)}>
          {t('feedback.causeFound')}
        </Button>
      </div>
    </>
  );
}

function Fix({ act }: { act: Doer }) {
  const { t } = useTranslation();
  const [note, setNote] = useState('');
  return (
    <>
      <Input.TextArea rows={3} value={note} maxLength={20000} placeholder={t('feedback.fixHint')} aria-label={t('feedback.note')} onChange={(event) => setNote(event.target.value)} />
      <div className="next-foot">
        <Button type="primary" loading={act.isPending} onClick={() => act.mutate({ path: '/move', body: { to: 'fixed', note: note || undefined } })}>
          {t('feedback.isFixed')}
        </Button>
      </div>
    </>
  );
}

function Answered({ detail, act, now }: { detail: CaseDetail; act: Doer; now: number }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const c = detail.case;
  const due = c.ask_at ? Date.parse(c.ask_at) <= now : false;
  if (!due) return <p>{t('feedback.askOn', { when: c.ask_at ? dateTime(c.ask_at) : '' })}</p>;
  return (
    <>
      <p>{c.asked_at ? t('feedback.askedOn', { when: dateTime(c.asked_at) }) : t('feedback.askWaits')}</p>
      <div className="next-foot next-scores" role="group" aria-label={t('feedback.byPhone')}>
        <span>{t('feedback.byPhone')}</span>
        {[1, 2, 3, 4, 5].map((score) => (
          <Button key={score} danger={score <= 2} loading={act.isPending} onClick={() => act.mutate({ path: '/answer', body: { score } })}>
            {score}
          </Button>
        ))}
        <small className="muted">{t('feedback.scale')}</small>
      </div>
    </>
  );
}

/** NextStep is the one thing to do now. */
function NextStep({ detail, act, now }: { detail: CaseDetail; act: Doer; now: number }) {
  const { t } = useTranslation();
  const c = detail.case;
  const waits = detail.messages.find((m) => m.state === 'waiting' && m.why);
  return (
    <section className="card case-next-step" aria-labelledby="next-title">
      <h2 id="next-title">{t(c.outcome ? `feedback.ended.${c.outcome}` : `feedback.next.${c.state}`)}</h2>
      {waits && c.state !== 'closed' && <p className="case-waits">{t('feedback.waitsHint')}</p>}
      {c.state === 'new' && <Tell act={act} button={t('feedback.send')} />}
      {c.state === 'contacted' && <FindCause key={c.round} detail={detail} act={act} />}
      {c.state === 'cause_found' && <Fix act={act} />}
      {c.state === 'fixed' && <Tell act={act} button={t('feedback.sendAnswer')} />}
      {c.state === 'customer_told' && <Answered detail={detail} act={act} now={now} />}
      {c.state === 'verified' && (
        <div className="next-foot">
          <Button type="primary" loading={act.isPending} onClick={() => act.mutate({ path: '/move', body: { to: 'closed' } })}>
            {t('feedback.close')}
          </Button>
        </div>
      )}
    </section>
  );
}

function Written({ note }: { note: Note }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const side = note.kind === 'note' ? 'note' : note.kind === 'reply' ? 'customer' : 'agent';
  return (
    <li className={`said said-${side}`}>
      <p className="said-head">
        <strong>{note.kind === 'reply' ? t('feedback.customer') : note.author === 'system' ? t('ticket.system') : note.author}</strong>
        <span className="tag">{t(`feedback.messages.${note.kind}`)}</span>
        {note.state === 'sent' && <span className="muted">{t(`feedback.went.${(note.way ?? '') || 'chat'}`, note.way ?? '')}</span>}
        {note.state === 'waiting' && <span className="tag tag-fair">{t(note.why ? 'feedback.noWayYet' : 'feedback.onItsWay')}</span>}
        {note.state === 'dropped' && <span className="tag">{t('feedback.takenBack')}</span>}
        <time className="muted num" dateTime={note.at}>
          {dateTime(note.at)}
        </time>
      </p>
      <p className="said-body">{note.body}</p>
    </li>
  );
}

function AddMore({ detail, act }: { detail: CaseDetail; act: Doer }) {
  const { t } = useTranslation();
  const talk = !['new', 'fixed', 'verified', 'closed'].includes(detail.case.state);
  const [kind, setKind] = useState<'note' | 'contact'>('note');
  const [text, setText] = useState('');
  const note = kind === 'note' || !talk;
  return (
    <div className={`composer composer-${note ? 'note' : 'reply'}`}>
      {talk && (
        <Segmented
          value={kind}
          onChange={setKind}
          options={[
            { value: 'note', label: t('feedback.note') },
            { value: 'contact', label: t('feedback.tell') },
          ]}
        />
      )}
      <Input.TextArea rows={2} value={text} maxLength={20000} placeholder={t(note ? 'feedback.noteHint' : 'feedback.tellHint')} aria-label={t(note ? 'feedback.note' : 'feedback.tell')} onChange={(event) => setText(event.target.value)} />
      <div className="composer-foot">
        <Button disabled={!text.trim()} loading={act.isPending} onClick={() => act.mutate({ path: '/messages', body: { text, note: note || undefined } }, { onSuccess: () => setText('') })}>
          {t(note ? 'feedback.keepNote' : 'feedback.send')}
        </Button>
      </div>
    </div>
  );
}

function Linked({ detail, act }: { detail: CaseDetail; act: Doer }) {
  const { t } = useTranslation();
  const message = useMessage();
  const c = detail.case;
  const [number, setNumber] = useState('');
  const over = c.state === 'closed';
  const make = useMutation({
    mutationFn: () =>
      request<Ticket>('/tickets', {
        method: 'POST',
        body: { type: 'complaint', subject: c.title || `C-${c.id}`, complaint: true, contact: c.contact, source: 'feedback', source_ref: `case:${c.id}` },
      }),
    onSuccess: (made) => act.mutate({ method: 'PATCH', body: { linked_ticket: made.id } }),
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <>
      <h2>{t('feedback.linked')}</h2>
      <ul className="ticket-links">
        {c.linked_ticket ? (
          <li>
            <Link to="/tickets/$ticketId" params={{ ticketId: String(c.linked_ticket) }}>
              {t('feedback.about.ticket', { id: c.linked_ticket })}
            </Link>
          </li>
        ) : (
          !over && (
            <li>
              <Button size="small" loading={make.isPending} onClick={() => make.mutate()}>
                {t('feedback.makeTicket')}
              </Button>
            </li>
          )
        )}
        {c.linked_kb ? (
          <li>
            <Link to="/kb/$articleId" params={{ articleId: String(c.linked_kb) }}>
              {t('feedback.article', { id: c.linked_kb })}
            </Link>
          </li>
        ) : null}
      </ul>
      {!over && (
        <Input
          size="small"
          value={number}
          inputMode="numeric"
          placeholder={t('feedback.linkHint')}
          aria-label={t('feedback.linkHint')}
          onChange={(event) => setNumber(event.target.value.replace(/\D/g, '').slice(0, 12))}
          onPressEnter={() => {
            if (!number) return;
            act.mutate({ method: 'PATCH', body: { linked_kb: Number(number) } }, { onSuccess: () => setNumber('') });
          }}
        />
      )}
    </>
  );
}

/** CopyLink makes an address for the customer and puts it into the clipboard. */
export function CopyLink({ of, page, words }: { of: string; page: string; words: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const [made, setMade] = useState('');
  const make = useMutation({
    mutationFn: () => request<CustomerLink>(`${of}/customer-links`, { method: 'POST' }),
    onSuccess: async (link) => {
      const address = `${location.origin}${page}${link.token ?? ''}`;
      setMade(address);
      try {
        await navigator.clipboard.writeText(address);
        void message.success(t('feedback.copied'));
      } catch {
        // The address stands beside it to be copied by hand.
      }
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <div className="copy-link">
      <Button size="small" loading={make.isPending} onClick={() => make.mutate()}>
        {words}
      </Button>
      {made && <Input size="small" readOnly value={made} aria-label={words} onFocus={(event) => event.target.select()} />}
    </div>
  );
}

function StepLine({ step }: { step: Step }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const detail = (step.detail ?? {}) as Record<string, unknown>;
  const state = Array.isArray(detail.state) ? (detail.state as string[])[1] : undefined;
  return (
    <li>
      <time className="muted num" dateTime={step.at}>
        {dateTime(step.at)}
      </time>
      <span>
        <strong>{step.actor === 'customer' ? t('feedback.customer') : step.actor === 'system' ? t('ticket.system') : step.actor}</strong> {t(`feedback.steps.${step.kind}`, step.kind)}
        {typeof detail.kind === 'string' && ` ${t(`feedback.messages.${detail.kind}`, '')}`}
        {typeof detail.clock === 'string' && ` ${t(`feedback.clocks.${detail.clock}`)} ${t('unit.percent', { value: detail.level as number })}`}
        {typeof detail.score === 'number' && ` ${detail.score}/5`}
        {state && ` → ${t(`feedback.states.${state}`)}`}
      </span>
    </li>
  );
}

/** CasePage is one case: the next step, what was said, what was promised. */
export function CasePage() {
  const { t, i18n } = useTranslation();
  const { caseId } = useParams({ from: '/shell/cases/$caseId' });
  const client = useQueryClient();
  const now = useNow();
  const role = useSuspenseQuery(session).data?.user.role;
  const lead = leads(role);
  const people = usePeople();
  const all = useQuery(causes).data ?? [];
  const { data, error, refetch } = useQuery(oneCase(caseId));
  const act = useAct(caseId);
  const [trailOpen, setTrailOpen] = useState(false);
  useChannel(
    'feedback',
    useCallback(() => void client.invalidateQueries({ queryKey: ['feedback', 'case', caseId] }), [client, caseId]),
  );
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={8} />;
  const c = data.case;
  const latest = new Map(data.clocks.map((clock) => [clock.kind as string, clock]));
  const cause = all.find((one) => one.code === c.cause);
  return (
    <div className="page">
      <Title>{`C-${c.id} ${c.title}`}</Title>
      <div className="page-head">
        <Link to="/feedback" search={{ tab: 'cases' }} className="round" aria-label={t('feedback.tabs.cases')}>
          <Icon name="back" size={18} />
        </Link>
        <h1>
          <span className="muted num">C-{c.id}</span> {wordless(c.title) ? t('feedback.noWords') : c.title}
        </h1>
        <span className="tag">{t(`feedback.openedBy.${c.opened_by}`)}</span>
        {c.legal && <span className="tag tag-poor">{t('feedback.legal')}</span>}
        {c.round > 1 && <span className="tag tag-fair">{t('feedback.round', { n: c.round })}</span>}
      </div>
      <Path detail={data} />
      <div className="ticket-columns">
        <div className="case-main">
          <NextStep detail={data} act={act} now={now} />
          <section className="card ticket-thread" aria-label={t('feedback.thread')}>
            <ul className="said-list">
              {[...data.feedback].reverse().map((item) => (
                <li key={`f${item.id}`} className="said said-customer">
                  <p className="said-head">
                    <strong>{(item.contact_name ?? '') || t('feedback.customer')}</strong>
                    <Score item={item} />
                    {item.chips.map((chip) => (
                      <span key={chip} className="tag">
                        {chip}
                      </span>
                    ))}
                  </p>
                  {item.text && <p className="said-body">{item.text}</p>}
                </li>
              ))}
              {data.messages.map((note) => (
                <Written key={note.id} note={note} />
              ))}
            </ul>
            <AddMore detail={data} act={act} />
            <button type="button" className="chip" aria-expanded={trailOpen} onClick={() => setTrailOpen(!trailOpen)}>
              <Icon name={trailOpen ? 'up' : 'down'} size={14} />
              {t('ticket.trail')}
            </button>
            {trailOpen && (
              <ol className="ticket-trail">
                {data.trail.map((step) => (
                  <StepLine key={step.id} step={step} />
                ))}
              </ol>
            )}
          </section>
        </div>
        <aside className="card ticket-facts" aria-label={t('ticket.facts')}>
          <label>
            <span>{t('feedback.owner')}</span>
            <Select
              disabled={!lead || c.state === 'closed'}
              value={c.owner ?? 0}
              options={[{ value: 0, label: t('feedback.nobody') }, ...people.map((one) => ({ value: Number(one.id), label: one.name || one.username }))]}
              onChange={(owner) => act.mutate({ method: 'PATCH', body: { owner, version: c.version } })}
            />
          </label>
          {(c.contact ?? 0) > 0 && (
            <p>
              <Link to="/contacts/$contactId" params={{ contactId: String(c.contact) }}>
                {(data.contact_name ?? '') || t('feedback.customer')}
              </Link>
            </p>
          )}
          {c.reason?.startsWith('conversation:') && (
            <p>
              <Link to="/inbox/$conversation" params={{ conversation: c.reason.slice(13) }}>
                {t('feedback.about.conversation')}
              </Link>
            </p>
          )}
          {c.reason?.startsWith('call:') && (
            <p>
              <Link to="/calls/$callId" params={{ callId: c.reason.slice(5) }}>
                {t('feedback.about.call')}
              </Link>
            </p>
          )}
          <h2>{t('ticket.promises')}</h2>
          <ul className="ticket-clocks">
            {(['acknowledge', 'contact', 'answer'] as const).map((kind) => {
              const clock = latest.get(kind);
              return (
                <li key={kind}>
                  <span>{t(`feedback.clocks.${kind}`)}</span>
                  {clock?.outcome ? <span className={`tag tag-${clock.outcome === 'missed' ? 'poor' : 'good'}`}>{t(`ticket.outcomes.${clock.outcome}`)}</span> : <DueMark due={clock?.due_at} spent={clock?.spent} now={now} />}
                </li>
              );
            })}
          </ul>
          <h2>{t('feedback.cause')}</h2>
          <p>{[cause ? label(cause, i18n.language) : t('feedback.noCause'), c.product, c.process].filter(Boolean).join(' · ')}</p>
          <Linked detail={data} act={act} />
          {c.state === 'customer_told' && <CopyLink of={`/cases/${c.id}`} page="/c/" words={t('feedback.copyQuestion')} />}
          {data.moves.filter((to) => to === 'contacted' && c.state !== 'new').length > 0 && (
            <Button size="small" onClick={() => act.mutate({ path: '/move', body: { to: 'contacted' } })}>
              {t(c.state === 'cause_found' ? 'feedback.backToCause' : 'feedback.reopen')}
            </Button>
          )}
          {data.moves.includes('cause_found') && c.state === 'fixed' && (
            <Button size="small" onClick={() => act.mutate({ path: '/move', body: { to: 'cause_found' } })}>
              {t('feedback.notFixed')}
            </Button>
          )}
        </aside>
      </div>
    </div>
  );
}
