import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Button, Input, InputNumber, Modal, Select } from 'antd';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { session } from '../api/queries';
import { useNow } from '../call/hooks';
import { clock, useFormat } from '../i18n/format';
import { useSaid } from '../kb/ArticlePage';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { scripts } from './data';
import { KbTabs } from './KbTabs';
import { cases, results, type Case, type Run } from './learning';
import '../kb/kb.css';

function Adding({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const { data: all } = useQuery(scripts);
  const [conversation, setConversation] = useState<number | null>(null);
  const [title, setTitle] = useState('');
  const [script, setScript] = useState<string>();
  const add = useMutation({
    mutationFn: () => request<Case>('/practice/cases', { method: 'POST', body: { conversation, title: title.trim() || undefined, script } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['practice'] });
      onClose();
    },
    onError: (error) => void message.error(said(error)),
  });
  return (
    <Modal open title={t('assist.practice.add')} onCancel={onClose} okText={t('assist.practice.make')} cancelText={t('settings.cancel')} okButtonProps={{ disabled: !conversation }} confirmLoading={add.isPending} onOk={() => add.mutate()}>
      <p className="muted">{t('assist.practice.addHint')}</p>
      <div className="kb-form">
        <label>
          {t('assist.practice.conversation')}
          <InputNumber min={1} precision={0} autoFocus value={conversation} onChange={setConversation} style={{ width: '100%' }} />
        </label>
        <label>
          {t('assist.practice.title')}
          <Input value={title} maxLength={100} onChange={(event) => setTitle(event.target.value)} />
        </label>
        <label>
          {t('assist.script')}
          <Select allowClear value={script} options={(all ?? []).filter((one) => !one.retired).map((one) => ({ value: one.name, label: one.doc.title }))} onChange={(value?: string) => setScript(value)} />
        </label>
      </div>
    </Modal>
  );
}

/** Playing is going through a case: the customer speaks, one answers, at the end there is a score. */
function Playing({ run, set, onClose }: { run: Run; set: (run: Run) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const { number } = useFormat();
  const said = useSaid();
  const client = useQueryClient();
  const [text, setText] = useState('');
  const [asked, setAsked] = useState(() => Date.now());
  const now = useNow(run.next !== undefined);
  const end = useRef<HTMLDivElement>(null);
  const answer = useMutation({
    mutationFn: () => request<Run>(`/practice/runs/${run.id}/answers`, { method: 'POST', body: { turn: run.answers.length, text } }),
    onSuccess: async (next) => {
      setText('');
      setAsked(Date.now());
      set(next);
      if (next.score !== undefined) await client.invalidateQueries({ queryKey: ['practice'] });
    },
    onError: (error) => void message.error(said(error)),
  });
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' }); // a promise in new browsers: it must not be the effect's end
  }, [run.answers.length]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (text.trim() && !answer.isPending) answer.mutate();
  };
  const over = run.score !== undefined;
  return (
    <section className="card practice" aria-label={run.title}>
      <div className="card-head">
        <h2>{run.title}</h2>
        <span className="muted num">{t('assist.step', { n: Math.min(run.answers.length + 1, run.turns), of: run.turns })}</span>
        <Button size="small" onClick={onClose}>
          {t(over ? 'kb.close' : 'assist.practice.leave')}
        </Button>
      </div>
      <div className="practice-thread" aria-live="polite">
        {run.answers.map((turn, i) => (
          <div key={i} className="practice-turn">
            <p className="practice-said practice-customer">{turn.customer}</p>
            <p className="practice-said practice-agent">{turn.answer}</p>
            {over && (
              <p className="practice-model">
                <span className="muted num">{t('assist.practice.like', { share: number(100 * turn.like), seconds: number(turn.seconds) })}</span>
                <span>
                  <span className="muted">{t('assist.practice.then')}</span> {turn.model}
                </span>
              </p>
            )}
          </div>
        ))}
        {run.next !== undefined && <p className="practice-said practice-customer">{run.next}</p>}
        <div ref={end} />
      </div>
      {over ? (
        <dl className="practice-score num" role="status">
          <div>
            <dt>{t('assist.practice.score')}</dt>
            <dd className="practice-big">{number(run.score ?? 0)}</dd>
          </div>
          {run.marks && (
            <>
              <div>
                <dt>{t('assist.practice.marks.like')}</dt>
                <dd>{number(100 * run.marks.like)}%</dd>
              </div>
              {run.marks.scripted && (
                <div>
                  <dt>{t('assist.practice.marks.check')}</dt>
                  <dd>{number(100 * run.marks.check)}%</dd>
                </div>
              )}
              <div>
                <dt>{t('assist.practice.marks.time')}</dt>
                <dd>{number(100 * run.marks.time)}%</dd>
              </div>
            </>
          )}
        </dl>
      ) : (
        <div className="practice-compose">
          <Input.TextArea aria-label={t('assist.practice.yours')} placeholder={t('assist.practice.yours')} value={text} maxLength={2000} autoFocus autoSize={{ minRows: 2, maxRows: 8 }} onChange={(event) => setText(event.target.value)} onKeyDown={onKey} />
          <span className="num muted" role="timer">
            {clock(Math.max(0, now - asked))}
          </span>
          <Button type="primary" disabled={!text.trim()} loading={answer.isPending} onClick={() => answer.mutate()}>
            {t('assist.practice.answer')}
          </Button>
        </div>
      )}
    </section>
  );
}

function Results() {
  const { t } = useTranslation();
  const { number, day } = useFormat();
  const { data } = useQuery(results);
  if (!data || data.length === 0) return null;
  return (
    <section className="card kb-pad" aria-labelledby="practice-results">
      <h2 id="practice-results">{t('assist.practice.results')}</h2>
      <div className="kb-scroll">
        <table className="kb-table num">
          <thead>
            <tr>
              {(['who', 'runs', 'cases', 'mean', 'first', 'last', 'day'] as const).map((name) => (
                <th key={name} scope="col">
                  {t(`assist.practice.col.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.map((one) => (
              <tr key={one.user}>
                <td>{one.name || one.username}</td>
                <td>{number(one.runs)}</td>
                <td>{number(one.cases)}</td>
                <td>{number(one.mean)}</td>
                <td>{number(one.first)}</td>
                <td>{number(one.last)}</td>
                <td>{day(one.last_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** PracticePage lets people answer real talks again, without names. */
export function PracticePage() {
  const { t } = useTranslation();
  const message = useMessage();
  const { number } = useFormat();
  const said = useSaid();
  const client = useQueryClient();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const list = useQuery(cases);
  const [adding, setAdding] = useState(false);
  const [run, setRun] = useState<Run>();
  const onError = (error: unknown) => void message.error(said(error));
  const begin = useMutation({ mutationFn: (id: number) => request<Run>('/practice/runs', { method: 'POST', body: { case: id } }), onSuccess: setRun, onError });
  const retire = useMutation({ mutationFn: (one: Case) => request(`/practice/cases/${one.id}/retired`, { method: 'PUT', body: { retired: !one.retired } }), onSuccess: () => client.invalidateQueries({ queryKey: ['practice'] }), onError });
  return (
    <div className="page">
      <Title>{t('assist.tab.practice')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.practice')}</h1>
        {edits && (
          <Button className="page-end" onClick={() => setAdding(true)}>
            {t('assist.practice.add')}
          </Button>
        )}
      </div>
      <KbTabs />
      {run ? (
        <Playing key={run.id} run={run} set={setRun} onClose={() => setRun(undefined)} />
      ) : (
        <section className="card" aria-label={t('assist.practice.cases')}>
          {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
          {list.isPending && <Waiting rows={4} />}
          {list.data?.length === 0 && <Empty icon="headset" title={t('assist.practice.none')} hint={t('assist.practice.noneHint')} />}
          <ul className="kb-list">
            {list.data?.map((one) => (
              <li key={one.id} className="learn-row">
                <div className="learn-main">
                  <strong>{one.title}</strong>
                  <span className="kb-row-facts muted num">
                    <span>{t(`kb.langs.${one.lang}`)}</span>
                    <span>{t('assist.practice.turns', { count: one.turns })}</span>
                    {one.script && <span>{t('assist.practice.withScript', { name: one.script })}</span>}
                    {one.best !== undefined && <span>{t('assist.practice.best', { n: number(one.best) })}</span>}
                    {one.retired && <span className="tag tag-poor">{t('kb.states.retired')}</span>}
                  </span>
                </div>
                <span className="learn-acts">
                  {edits && (
                    <Button size="small" onClick={() => retire.mutate(one)}>
                      {t(one.retired ? 'assist.practice.bring' : 'assist.practice.retire')}
                    </Button>
                  )}
                  <Button type="primary" size="small" disabled={one.retired} loading={begin.isPending && begin.variables === one.id} onClick={() => begin.mutate(one.id)}>
                    {t('assist.practice.begin')}
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {!run && <Results />}
      {adding && <Adding onClose={() => setAdding(false)} />}
    </div>
  );
}
