import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useBlocker, useParams } from '@tanstack/react-router';
import { Button, Dropdown, Input } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, problemKey, type Fault } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { Faults } from './faults';
import { FlowPicture } from './FlowPicture';
import { publish, put, setting, versions, type Flow, type FlowCheck, type Rehearsal, type Setting } from './kinds';
import { TextEditor } from './TextEditor';

const settle = 350; // ms without a key before the server is asked

/** useCheck has the server judge the text a moment after the last change. */
function useCheck(text: string): { check: FlowCheck | null; busy: boolean } {
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), settle);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, isFetching } = useQuery({
    queryKey: ['flow-check', asked],
    queryFn: ({ signal }) => request<FlowCheck>('/flow-check', { method: 'POST', body: { text: asked }, signal }),
    placeholderData: (before) => before,
    gcTime: 10_000,
  });
  return { check: data ?? null, busy: isFetching || asked !== text };
}

function Rehearse({ text, onWalked }: { text: string; onWalked: (nodes: ReadonlySet<string>) => void }) {
  const { t } = useTranslation();
  const [said, setSaid] = useState('');
  const walk = useMutation({
    mutationFn: () => request<Rehearsal>('/flow-rehearsal', { method: 'POST', body: { text, said, caller: '13800138000', number: '4000' } }),
    onSuccess: (done) => onWalked(new Set(done.steps.map((step) => step.node))),
  });
  const done = walk.data;
  return (
    <section className="card flow-rehearse">
      <h2>{t('admin.rehearsal')}</h2>
      <p className="muted">{t('admin.rehearsalHint')}</p>
      <form
        className="flow-say"
        onSubmit={(event) => {
          event.preventDefault();
          walk.mutate();
        }}
      >
        <Input value={said} onChange={(event) => setSaid(event.target.value)} maxLength={500} placeholder={t('admin.rehearsalExample')} aria-label={t('admin.rehearsalInput')} autoComplete="off" />
        <Button htmlType="submit" loading={walk.isPending}>
          {t('admin.run')}
        </Button>
      </form>
      {walk.error && <Failed error={walk.error} />}
      {done && (
        <div role="status">
          {done.unknown && <p className="flow-unknown">{t('admin.unknownWord', { word: done.unknown })}</p>}
          {done.ended === 'mistakes' && <p className="flow-unknown">{t('admin.correctFirst')}</p>}
          <ol className="flow-steps">
            {done.steps
              .filter((step) => step.did !== 'node')
              .map((step, i) => (
                <li key={i}>
                  <span className="muted">{step.node}</span>
                  <strong>{t(`admin.did.${step.did}`)}</strong>
                  <span>{step.what}</span>
                </li>
              ))}
          </ol>
          {done.ended !== 'mistakes' && <p className="muted">{done.ended === 'error' ? `${t('admin.ended.error')} ${done.error ?? ''}` : t(`admin.ended.${done.ended}`)}</p>}
        </div>
      )}
    </section>
  );
}

function Workbench({ flow }: { flow: Setting<Flow> }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const file = flow.source === 'file';
  const [text, setText] = useState(flow.doc.text);
  const [saved, setSaved] = useState(flow.doc.text);
  const [newest, setNewest] = useState(flow.newest);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [walked, setWalked] = useState<ReadonlySet<string>>(new Set());
  const [goTo, setGoTo] = useState<{ line: number; n: number } | null>(null);
  const dirty = text !== saved;
  const { check, busy } = useCheck(text);
  const all = useQuery({ ...versions('flows', flow.name), enabled: !file });
  const live = all.data?.[0]?.live ?? flow.live;
  const mistakes = useMemo(() => check?.mistakes ?? [], [check]);
  useBlocker({ shouldBlockFn: () => dirty && !window.confirm(t('admin.leaveAsk')), enableBeforeUnload: () => dirty });
  const pick = (line: number) => setGoTo((before) => ({ line, n: (before?.n ?? 0) + 1 }));

  const done = async (words: string) => {
    await client.invalidateQueries({ queryKey: ['admin', 'flows'] });
    void message.success(words);
  };
  const wrong = (error: unknown) => {
    setFaults(error instanceof Error && 'faults' in error ? (error.faults as Fault[]) : []);
    void message.error(t(problemKey(error)));
  };
  const save = useMutation({
    mutationFn: (draft: boolean) => put('flows', flow.name, { doc: { text }, draft, version: newest }),
    onMutate: () => setFaults([]),
    onSuccess: (outcome, draft) => {
      setSaved(text);
      setNewest(outcome.version ?? newest);
      return done(t(draft ? 'admin.draftSaved' : 'admin.isLive'));
    },
    onError: wrong,
  });
  const back = useMutation({
    mutationFn: (version: number) => publish('flows', flow.name, version),
    onMutate: () => setFaults([]),
    onSuccess: () => done(t('admin.rolledBack')),
    onError: wrong,
  });
  const load = (version: Setting<Flow>) => {
    if (!dirty || window.confirm(t('admin.leaveAsk'))) setText(version.doc.text);
  };
  return (
    <div className="flow">
      <div className="admin-head">
        <div>
          <p className="flow-crumb">
            <Link to="/admin/$section" params={{ section: 'flows' }}>
              {t('admin.sections.flows')}
            </Link>{' '}
            / <strong>{flow.name}</strong>
          </p>
          <p className="flow-state" role="status">
            {file && <span className="tag">{t('admin.fromFile')}</span>}
            {live > 0 && <span className="tag tag-good">{t('admin.liveVersion', { version: live })}</span>}
            {!file && newest !== live && <span className="tag tag-fair">{t('admin.draftVersion', { version: newest })}</span>}
            {dirty && <span className="tag">{t('admin.unsaved')}</span>}
            <span className={mistakes.length > 0 ? 'flow-bad' : 'muted'}>{busy ? t('admin.checking') : mistakes.length > 0 ? t('admin.mistakeCount', { count: mistakes.length }) : t('admin.noMistakes')}</span>
          </p>
        </div>
        {!file && (
          <div className="admin-acts">
            <Dropdown
              trigger={['click']}
              menu={{
                items: (all.data ?? []).map((v) => ({
                  key: v.version,
                  label: `${t('admin.version', { version: v.version })} · ${v.author ?? ''} · ${v.at ? dateTime(v.at) : ''}${v.version === v.live ? ` · ${t('admin.live')}` : ''}`,
                  children: [
                    { key: `${v.version} look`, label: t('admin.intoEditor'), onClick: () => load(v) },
                    ...(v.version !== v.live ? [{ key: `${v.version} live`, label: t('admin.useThis'), onClick: () => back.mutate(v.version) }] : []),
                  ],
                })),
              }}
            >
              <Button>{t('admin.versions')}</Button>
            </Dropdown>
            <Button loading={save.isPending && save.variables} disabled={!dirty} onClick={() => save.mutate(true)}>
              {t('admin.saveDraft')}
            </Button>
            <Button type="primary" loading={save.isPending && !save.variables} disabled={mistakes.length > 0 || (!dirty && newest === live)} onClick={() => save.mutate(false)}>
              {t('admin.makeLive')}
            </Button>
          </div>
        )}
      </div>
      <Faults faults={faults} />
      <div className="flow-panes">
        <div className="flow-left">
          <TextEditor value={text} onChange={setText} mistakes={mistakes} readOnly={file} goTo={goTo} label={t('admin.flowText', { name: flow.name })} />
          {mistakes.length > 0 && (
            <ul className="flow-mistakes">
              {mistakes.map((m, i) => (
                <li key={i}>
                  <button type="button" onClick={() => pick(m.line)}>
                    <span className="num">{m.line > 0 ? t('admin.place', { line: m.line, column: m.column }) : t('admin.whole')}</span> {m.message}
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
        <div className="flow-right">
          {check?.picture ? <FlowPicture picture={check.picture} visited={walked} onPick={pick} /> : <div className="flow-frame flow-none muted">{t(check ? 'admin.noPicture' : 'app.loading')}</div>}
          <Rehearse text={text} onWalked={setWalked} />
        </div>
      </div>
    </div>
  );
}

/** FlowEditor is one flow: its text, its picture, a rehearsal, its versions. */
export function FlowEditor() {
  const { t } = useTranslation();
  const { name } = useParams({ from: '/shell/admin/flows/$name' });
  const { data, error, refetch } = useQuery({ ...setting('flows', name), staleTime: Infinity, gcTime: 0 });
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <>
      <Title>{`${name} · ${t('admin.sections.flows')}`}</Title>
      <Workbench key={name} flow={data} />
    </>
  );
}
