import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Dropdown, Popover } from 'antd';
import { useCallback, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { log, noteInserted, scripts, useBoard, type Answer, type Board, type Do, type Filled, type Progress, type Subject } from './data';
import './assist.css';

interface Props {
  subject: Subject;
  /** Puts a text into the composer; without one the cards are for reading and doing. */
  onInsert?: (text: string) => void;
  /** Sends a text as it is. */
  onSend?: (text: string) => void;
}

/** What came of an act. */
interface Result {
  card: number;
  text?: string;
  ticket?: number;
}

const answerOf = (answer?: Answer) => (answer?.article ? { card: answer.card ?? 0, text: answer.text ?? '' } : answer?.reply ? { card: answer.reply.card, text: answer.reply.text } : undefined);

const stepOf = (script?: Progress) => script?.steps[Math.min(script.at, script.steps.length - 1)];

/**
 * useAssist is the cards beside a talk and what can be done with them: `act(1)` inserts the answer,
 * `act(2)` the words of the script's step, `act(3)` does what the third card says; `act(n, true)` sends instead of inserting.
 */
export function useAssist({ subject, onInsert, onSend }: Props) {
  const { t } = useTranslation();
  const message = useMessage();
  const { data, error, refetch, put } = useBoard(subject);
  const [result, setResult] = useState<Result>();
  const said = useCallback((problem: unknown) => void message.error(problem instanceof Problem && problem.status === 422 ? problem.detail : t(problemKey(problem))), [message, t]);

  const give = useCallback(
    (card: number, text: string, send: boolean) => {
      if (!text) return;
      if (send) {
        if (!onSend) return;
        void log(card, 'sent', text);
        onSend(text);
      } else if (onInsert) {
        noteInserted(subject, card, text);
        onInsert(text);
      }
    },
    [subject, onInsert, onSend],
  );
  const say = useMutation({
    mutationFn: ({ text }: { text: string; card: number; send: boolean }) => request<Filled>('/assist/fill', { method: 'POST', body: { ...subject, text } }),
    onSuccess: (filled, { card, send }) => give(card, filled.text, send && filled.missing.length === 0),
    onError: said,
  });
  const run = useMutation({
    mutationFn: (it: Do) => request<{ id?: number | string; text?: string } | undefined>(it.path, { method: it.method, body: it.body }),
    onSuccess: async (answer, it) => {
      setResult({ card: it.card, text: answer?.text, ticket: it.action === 'create_ticket' ? Number(answer?.id) : undefined });
      if (it.action !== 'look_up') {
        void message.success(t(`assist.did.${it.action}`));
        await log(it.card, 'done');
        void refetch();
      } else if (onInsert) void log(it.card, 'inserted');
    },
    onError: said,
  });
  const { mutate: sayIt } = say;
  const { mutate: runIt } = run;
  const act = useCallback(
    (place: 1 | 2 | 3, send = false) => {
      const answer = answerOf(data?.answer);
      const step = stepOf(data?.script);
      if (place === 1 && answer) give(answer.card, answer.text, send);
      if (place === 2 && step?.say && data?.script && (send ? onSend : onInsert)) sayIt({ text: step.say, card: data.script.card, send });
      if (place === 3 && data?.do) runIt(data.do);
    },
    [data, give, sayIt, runIt, onInsert, onSend],
  );
  const change = useMutation({ mutationFn: ({ path, body }: { path: string; body: object }) => request<Board>(path, { method: 'POST', body: { ...subject, ...body } }), onSuccess: put, onError: said });
  const dismiss = useCallback((card: number) => void log(card, 'dismissed').then(() => refetch()), [refetch]);
  return { board: data, error, refetch, act, give: onInsert && onSend && give, insert: onInsert, dismiss, result, running: run.isPending, change };
}

export type Assist = ReturnType<typeof useAssist>;

/** AssistPanel is three cards in fixed places: an answer, the script, one act. */
export function AssistPanel({ it }: { it: Assist }) {
  const { t } = useTranslation();
  if (it.error instanceof Problem && it.error.status === 503) return null;
  if (lost(it.error, it.board)) return <Failed error={it.error} retry={() => void it.refetch()} />;
  if (!it.board) return <Waiting rows={3} />;
  return (
    <section className="assist" aria-label={t('assist.title')}>
      <AnswerCard answer={it.board.answer} degraded={it.board.degraded} give={it.give} dismiss={it.dismiss} />
      <ScriptCard script={it.board.script} it={it} />
      <DoCard todo={it.board.do} it={it} />
    </section>
  );
}

function Card({ place, name, head, onDismiss, children }: { place: number; name: string; head?: ReactNode; onDismiss?: () => void; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <article className={`assist-card assist-card-${name}`} aria-label={t(`assist.${name}`)}>
      <header>
        <kbd aria-hidden="true">{place}</kbd>
        <h3>{t(`assist.${name}`)}</h3>
        {head}
        {onDismiss && (
          <button type="button" className="round assist-away" aria-label={`${t('assist.dismiss')}: ${t(`assist.${name}`)}`} title={t('assist.dismiss')} onClick={onDismiss}>
            <Icon name="close" size={14} />
          </button>
        )}
      </header>
      {children}
    </article>
  );
}

type Give = (card: number, text: string, send: boolean) => void;

function Buttons({ card, text, give, label }: { card: number; text: string; give?: Give; label: string }) {
  const { t } = useTranslation();
  if (!give) return null;
  return (
    <span className="assist-buttons">
      <button type="button" className="small-button" aria-label={`${t('assist.insert')}: ${label}`} onClick={() => give(card, text, false)}>
        {t('assist.insert')}
      </button>
      <button type="button" className="small-button" aria-label={`${t('assist.send')}: ${label}`} onClick={() => give(card, text, true)}>
        {t('assist.send')}
      </button>
    </span>
  );
}

function AnswerCard({ answer, degraded, give, dismiss }: { answer?: Answer; degraded?: string; give?: Give; dismiss: (card: number) => void }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const [more, setMore] = useState(false);
  const reply = answer?.reply;
  return (
    <Card
      place={1}
      name="answer"
      head={
        answer?.article ? (
          <>
            {(answer.p ?? 0) > 0 && <span className="assist-p num" title={t('assist.pHint')}>{`${number(100 * (answer.p ?? 0))}%`}</span>}
            {answer.why && (
              <Popover trigger="click" content={<Reasons answer={answer} />}>
                <button type="button" className="assist-link">
                  {t('assist.why')}
                </button>
              </Popover>
            )}
          </>
        ) : undefined
      }
      onDismiss={answer?.card ? () => dismiss(answer.card ?? 0) : reply ? () => dismiss(reply.card) : undefined}
    >
      {!answer && <p className="muted assist-none">{t('assist.noAnswer')}</p>}
      {degraded && answer && <p className="assist-note">{t('assist.degraded')}</p>}
      {answer?.article && (
        <>
          <p className="assist-head">
            <Link to="/kb/$articleId" params={{ articleId: String(answer.article) }}>
              {answer.title}
            </Link>
            {answer.audience === 'agent' && <span className="tag">{t('kb.audiences.agent')}</span>}
          </p>
          <p className="assist-text">{answer.text}</p>
          <p className="assist-facts muted num">
            {answer.owner && <span>{t('kb.ownedBy', { name: answer.owner })}</span>}
            {answer.review_by && <span className={answer.overdue ? 'assist-overdue' : undefined}>{t(answer.overdue ? 'assist.overdue' : 'kb.reviewBy', { day: answer.review_by })}</span>}
          </p>
          <Buttons card={answer.card ?? 0} text={answer.text ?? ''} give={give} label={answer.title ?? ''} />
        </>
      )}
      {reply && (
        <div className="assist-reply">
          <p className="muted assist-facts">
            <span>{t('assist.colleagues', { count: reply.uses })}</span>
            <span className="num" title={t('assist.stars')}>{`★ ${number(reply.rating, 1)}`}</span>
          </p>
          <p className="assist-text">{reply.text}</p>
          <Buttons card={reply.card} text={reply.text} give={give} label={t('assist.colleagues', { count: reply.uses })} />
        </div>
      )}
      {answer?.more && answer.more.length > 0 && (
        <div className="assist-more">
          <button type="button" className="assist-link" aria-expanded={more} onClick={() => setMore(!more)}>
            {t('assist.more', { count: answer.more.length })}
          </button>
          {more && (
            <ul>
              {answer.more.map((other) => (
                <li key={other.article}>
                  <Link to="/kb/$articleId" params={{ articleId: String(other.article) }}>
                    {other.title}
                  </Link>
                  {other.p > 0 && <span className="muted num">{`${number(100 * other.p)}%`}</span>}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </Card>
  );
}

function Reasons({ answer }: { answer: Answer }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const why = answer.why;
  if (!why) return null;
  return (
    <dl className="assist-why">
      {why.rule && (
        <div>
          <dt>{t('assist.because.rule')}</dt>
          <dd>{why.words}</dd>
        </div>
      )}
      {why.variant && (
        <div>
          <dt>{t('assist.because.variant')}</dt>
          <dd>{why.variant}</dd>
        </div>
      )}
      <div>
        <dt>{t('assist.because.votes')}</dt>
        <dd className="num">{`▲ ${number(why.up, 1)} ▼ ${number(why.down, 1)}`}</dd>
      </div>
      <div>
        <dt>{t('assist.because.taken')}</dt>
        <dd className="num">{t('assist.takenOf', { taken: why.taken, shown: why.shown })}</dd>
      </div>
      {why.missing && why.missing.length > 0 && (
        <div>
          <dt>{t('assist.because.missing')}</dt>
          <dd>{why.missing.map((name) => t(`assist.slots.${name}`, name)).join(', ')}</dd>
        </div>
      )}
    </dl>
  );
}

function ScriptCard({ script, it }: { script?: Progress; it: Assist }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState(false);
  const { data: there } = useQuery({ ...scripts, enabled: opened });
  const items = [
    ...(there ?? []).filter((one) => !one.retired && one.name !== script?.name).map((one) => ({ key: one.name, label: `${one.doc.title} · ${t(`kb.langs.${one.doc.lang}`)}` })),
    ...(script ? [{ key: '', label: t('assist.noScript') }] : []),
  ];
  const choose = (
    <Dropdown trigger={['click']} onOpenChange={setOpened} menu={{ items: items.length > 0 ? items : [{ key: '-', label: t('assist.scriptsNone'), disabled: true }], onClick: ({ key }) => it.change.mutate({ path: '/assist/script', body: { script: key } }) }}>
      <button type="button" className="assist-link">
        {t('assist.choose')} ▾
      </button>
    </Dropdown>
  );
  const at = script ? Math.min(script.at, script.steps.length - 1) : 0;
  return (
    <Card
      place={2}
      name="script"
      head={
        <>
          {script && <span className="assist-p num">{script.at >= script.steps.length ? '✓' : t('assist.step', { n: script.at + 1, of: script.steps.length })}</span>}
          {choose}
        </>
      }
    >
      {!script && <p className="muted assist-none">{t('assist.noScriptYet')}</p>}
      {script && (
        <>
          <p className="assist-head">
            <strong>{script.title}</strong>
            <span className="muted">{t(`assist.chosen.${script.chosen}`)}</span>
          </p>
          <ol className="assist-steps">
            {script.steps.map((step, i) =>
              i === at || all ? (
                <li key={i} className={i === script.at ? 'assist-step assist-step-now' : 'assist-step'} aria-current={i === script.at ? 'step' : undefined}>
                  <span className="assist-step-title">{step.title}</span>
                  {step.say && !it.insert && <p className="assist-text">{step.say}</p>}
                  {step.say && it.insert && (
                    <button type="button" className="assist-say" onClick={() => (i === at ? it.act(2) : undefined)} disabled={i !== at} title={t('assist.insert')}>
                      {step.say}
                    </button>
                  )}
                  {step.items.map((item) => (
                    <label key={item.key} className="assist-item">
                      <input type="checkbox" checked={item.done} onChange={(event) => it.change.mutate({ path: '/assist/tick', body: { item: item.key, done: event.target.checked } })} />
                      <span>
                        {item.text}
                        {item.optional && <span className="muted"> {t('assist.optional')}</span>}
                        {item.by === 'words' && <span className="hidden"> {t('assist.heard')}</span>}
                      </span>
                    </label>
                  ))}
                </li>
              ) : null,
            )}
          </ol>
          {script.steps.length > 1 && (
            <button type="button" className="assist-link" aria-expanded={all} onClick={() => setAll(!all)}>
              {t(all ? 'assist.oneStep' : 'assist.allSteps')}
            </button>
          )}
        </>
      )}
    </Card>
  );
}

function DoCard({ todo, it }: { todo?: Do; it: Assist }) {
  const { t } = useTranslation();
  const { result, insert } = it;
  return (
    <Card place={3} name="do" onDismiss={todo ? () => it.dismiss(todo.card) : undefined}>
      {!todo && !result && <p className="muted assist-none">{t('assist.nothing')}</p>}
      {todo && (
        <>
          {todo.title && todo.action !== 'disposition' && <p className="assist-head">{todo.title}</p>}
          {todo.slots.length > 0 && (
            <dl className="assist-slots">
              {todo.slots.map((slot) => (
                <div key={slot.name}>
                  <dt>{t(`assist.slots.${slot.name}`, slot.name)}</dt>
                  <dd>{slot.value}</dd>
                </div>
              ))}
            </dl>
          )}
          <button type="button" className="assist-do" disabled={it.running} onClick={() => it.act(3)}>
            {todo.action === 'disposition' ? t('assist.action.disposition', { code: todo.title }) : t(`assist.action.${todo.action}`)}
          </button>
        </>
      )}
      {result?.text && (
        <div className="assist-reply" role="status">
          <p className="assist-text">{result.text}</p>
          {insert && (
            <button type="button" className="small-button" onClick={() => insert(result.text ?? '')}>
              {t('assist.insert')}
            </button>
          )}
        </div>
      )}
      {result?.ticket !== undefined && (
        <p role="status">
          <Link to="/tickets/$ticketId" params={{ ticketId: String(result.ticket) }}>
            {t('assist.openTicket', { id: result.ticket })}
          </Link>
        </p>
      )}
    </Card>
  );
}
