import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Button, Input, Popconfirm, Segmented, Select, Tabs } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { Icon } from '../parts/Icon';
import { Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { StateTag } from './ArticlesPage';
import { Files } from './Files';
import { Checks, Previews } from './Checks';
import { article, languages, types, type Article, type Edit, type Saved, type State } from './queries';
import { TestBox } from './TestBox';
import { Versions } from './Versions';
import './kb.css';

const kinds = ['exact', 'contains', 'regexp', 'interface'] as const;
const blank: Edit = { type: 'faq', title: '', body: '', audience: 'public', category: '', variants: [], rules: [], attributes: [], steps: [], needs: [], owner: '', review_by: '' };

/** editOf is what the form changes of an article. */
const editOf = (a: Article): Edit => ({ type: a.type, title: a.title, body: a.body, audience: a.audience, category: a.category ?? '', variants: a.variants ?? [], rules: a.rules ?? [], attributes: a.attributes ?? [], steps: a.steps ?? [], needs: a.needs ?? [], owner: a.owner, review_by: a.review_by ?? '' });

/** sent leaves out what a type does not have and lines that are empty. */
const sent = (edit: Edit): Edit => ({
  ...edit,
  variants: edit.variants?.filter((v) => v.text.trim()),
  rules: edit.rules?.filter((r) => r.text.trim()),
  attributes: edit.type === 'product' ? edit.attributes?.filter((a) => a.name.trim() || a.value.trim()) : undefined,
  steps: edit.type === 'process' ? edit.steps?.filter((s) => s.trim()) : undefined,
});

/** said is a problem's own sentence where it was written for editors. */
export function useSaid(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => (error instanceof Problem && [409, 422, 403].includes(error.status) && error.detail ? t(`kb.problems.${error.status}`, { detail: error.detail }) : t(problemKey(error)));
}

interface Rows<T> {
  name: string;
  rows: T[];
  empty: T;
  max: number;
  disabled: boolean;
  set: (rows: T[]) => void;
  row: (value: T, change: (value: T) => void, i: number) => React.ReactNode;
}

/** Lines are rows of a form, each can go, one more can come. */
function Lines<T>({ name, rows, empty, max, disabled, set, row }: Rows<T>) {
  const { t } = useTranslation();
  return (
    <fieldset className="kb-lines" disabled={disabled}>
      <legend>
        {name} <span className="muted num">{rows.length}</span>
      </legend>
      {rows.map((value, i) => (
        <div className="kb-line" key={i}>
          {row(value, (next) => set(rows.map((old, k) => (k === i ? next : old))), i)}
          <Button size="small" type="text" icon={<Icon name="close" />} aria-label={t('kb.removeLine', { name, n: i + 1 })} onClick={() => set(rows.filter((_, k) => k !== i))} />
        </div>
      ))}
      {rows.length < max && (
        <Button size="small" type="dashed" onClick={() => set([...rows, empty])}>
          + {name}
        </Button>
      )}
    </fieldset>
  );
}

function Form({ edit, set, disabled }: { edit: Edit; set: (part: Partial<Edit>) => void; disabled: boolean }) {
  const { t } = useTranslation();
  return (
    <div className="kb-form">
      <label>
        {t(edit.type === 'faq' ? 'kb.question' : 'kb.name')}
        <Input value={edit.title} maxLength={200} disabled={disabled} onChange={(event) => set({ title: event.target.value })} />
      </label>
      <div className="kb-pair">
        <label>
          {t('kb.category')}
          <Input value={edit.category} maxLength={500} disabled={disabled} placeholder="orders/shipping" onChange={(event) => set({ category: event.target.value })} />
        </label>
        <div>
          <span className="kb-label">{t('kb.audience')}</span>
          <Segmented block disabled={disabled} aria-label={t('kb.audience')} value={edit.audience} options={(['public', 'agent'] as const).map((value) => ({ value, label: t(`kb.audiences.${value}`) }))} onChange={(audience) => set({ audience })} />
        </div>
      </div>
      {edit.type === 'product' && (
        <Lines
          name={t('kb.attributes')}
          rows={edit.attributes ?? []}
          empty={{ name: '', value: '' }}
          max={100}
          disabled={disabled}
          set={(attributes) => set({ attributes })}
          row={(a, change, i) => (
            <>
              <Input aria-label={t('kb.attributeName', { n: i + 1 })} className="kb-short" value={a.name} maxLength={200} placeholder={t('kb.attribute')} onChange={(event) => change({ ...a, name: event.target.value })} />
              <Input aria-label={t('kb.attributeValue', { n: i + 1 })} value={a.value} maxLength={1000} placeholder={t('kb.value')} onChange={(event) => change({ ...a, value: event.target.value })} />
            </>
          )}
        />
      )}
      {edit.type === 'process' && (
        <Lines
          name={t('kb.steps')}
          rows={edit.steps ?? []}
          empty=""
          max={100}
          disabled={disabled}
          set={(steps) => set({ steps })}
          row={(step, change, i) => (
            <>
              <span className="num muted kb-step">{i + 1}</span>
              <Input.TextArea autoSize aria-label={t('kb.step', { n: i + 1 })} value={step} onChange={(event) => change(event.target.value)} />
            </>
          )}
        />
      )}
      <label>
        <span>
          {t(edit.type === 'faq' ? 'kb.answer' : 'kb.text')} <span className="muted">Markdown</span>
        </span>
        <Input.TextArea value={edit.body} disabled={disabled} autoSize={{ minRows: 6, maxRows: 24 }} onChange={(event) => set({ body: event.target.value })} />
      </label>
      <Lines
        name={t('kb.variants')}
        rows={edit.variants ?? []}
        empty={{ text: '', source: 'human' }}
        max={200}
        disabled={disabled}
        set={(variants) => set({ variants })}
        row={(v, change, i) => (
          <>
            <Input aria-label={t('kb.variant', { n: i + 1 })} value={v.text} maxLength={500} onChange={(event) => change({ ...v, text: event.target.value })} />
            {v.source && v.source !== 'human' && <span className="tag">{t(`kb.sources.${v.source}`)}</span>}
          </>
        )}
      />
      <Lines
        name={t('kb.rules')}
        rows={edit.rules ?? []}
        empty={{ kind: 'contains', text: '' }}
        max={50}
        disabled={disabled}
        set={(rules) => set({ rules })}
        row={(rule, change, i) => (
          <>
            <Select aria-label={t('kb.ruleKind', { n: i + 1 })} className="kb-kind" value={rule.kind} options={kinds.map((value) => ({ value, label: t(`kb.kinds.${value}`) }))} onChange={(kind) => change({ kind, text: rule.text, ...(kind === 'interface' && { tool: rule.tool ?? '' }) })} />
            <Input aria-label={t('kb.ruleText', { n: i + 1 })} value={rule.text} maxLength={500} spellCheck={false} onChange={(event) => change({ ...rule, text: event.target.value })} />
            {rule.kind === 'interface' && <Input aria-label={t('kb.ruleTool', { n: i + 1 })} className="kb-short" placeholder={t('kb.tool')} value={rule.tool} maxLength={100} onChange={(event) => change({ ...rule, tool: event.target.value })} />}
          </>
        )}
      />
      <div className="kb-pair">
        <label>
          {t('kb.owner')}
          <Input value={edit.owner} maxLength={64} disabled={disabled} onChange={(event) => set({ owner: event.target.value })} />
        </label>
        <label>
          {t('kb.reviewDay')}
          <Input type="date" value={edit.review_by} disabled={disabled} onChange={(event) => set({ review_by: event.target.value })} />
        </label>
        <label>
          {t('kb.needs')}
          <Select mode="tags" disabled={disabled} value={edit.needs} open={false} suffix={null} tokenSeparators={[',', ' ']} placeholder="order" onChange={(needs: string[]) => set({ needs: needs.slice(0, 10) })} />
        </label>
      </div>
    </div>
  );
}

const steps: Record<State, readonly State[]> = { draft: ['review', 'live'], review: ['draft', 'live'], live: ['retired'], retired: ['draft'] };

/** Steps are what an article can become from here. */
function Steps({ of, dirty }: { of: Article; dirty: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const move = useMutation({
    mutationFn: (state: State) => request<Saved>(`/kb/articles/${of.id}/state`, { method: 'POST', body: { version: of.version, state } }),
    onSuccess: async (_, state) => {
      await client.invalidateQueries({ queryKey: ['kb'] });
      void message.success(t(`kb.moved.${state}`));
    },
    onError: (error) => void message.error(said(error)),
  });
  const all = of.state === 'draft' && of.live_version > 0 ? [...steps.draft, 'retired' as const] : steps[of.state];
  return (
    <>
      {all.map((state) => {
        const button = (
          <Button key={state} type={state === 'live' ? 'primary' : 'default'} danger={state === 'retired'} disabled={dirty || (state === 'live' && !of.may_approve)} loading={move.isPending && move.variables === state} title={dirty ? t('kb.saveFirst') : undefined} onClick={state === 'retired' ? undefined : () => move.mutate(state)}>
            {t(`kb.moves.${state}`)}
          </Button>
        );
        return state === 'retired' ? (
          <Popconfirm key={state} title={t('kb.retireAsk')} okText={t('kb.moves.retired')} cancelText={t('settings.cancel')} disabled={dirty} onConfirm={() => move.mutate(state)}>
            {button}
          </Popconfirm>
        ) : (
          button
        );
      })}
    </>
  );
}

function Editor({ of, start }: { of?: Article; start: { key?: string; lang?: string } }) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const [edit, setEdit] = useState<Edit>(() => (of ? editOf(of) : { ...blank, owner: who?.user.username }));
  const [key, setKey] = useState(start.key ?? '');
  const [lang, setLang] = useState(start.lang ?? (i18n.language.startsWith('zh') ? 'zh' : 'en'));
  const [note, setNote] = useState('');
  const dirty = !of || JSON.stringify(edit) !== JSON.stringify(editOf(of));
  const set = (part: Partial<Edit>) => setEdit((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: () => (of ? request<Saved>(`/kb/articles/${of.id}`, { method: 'PUT', body: { ...sent(edit), note, version: of.version } }) : request<Saved>('/kb/articles', { method: 'POST', body: { ...sent(edit), note, key, lang } })),
    onSuccess: async (saved) => {
      setNote('');
      await client.invalidateQueries({ queryKey: ['kb'] });
      void message.success(t('settings.saved'));
      if (!of) void navigate({ to: '/kb/$articleId', params: { articleId: String(saved.id) }, search: {}, replace: true });
    },
    onError: (error) => void message.error(said(error)),
  });
  const checked = { ...sent(edit), key: of?.key ?? key, lang: (of?.lang ?? lang) as 'zh' | 'en', id: of?.id ?? 0 };
  const tabs = [
    ...(of && edits ? [{ key: 'test', label: t('kb.test'), children: <TestBox id={of.id} dirty={dirty} live={of.live_version > 0} /> }] : []),
    ...(edits ? [{ key: 'checks', label: t('kb.checks'), children: <Checks edit={checked} /> }, { key: 'preview', label: t('kb.preview'), children: <Previews edit={sent(edit)} /> }] : []),
    ...(of ? [{ key: 'versions', label: t('kb.versions'), children: <Versions of={of} edits={edits} dirty={dirty} /> }, { key: 'files', label: `${t('kb.files')} ${of.files.length || ''}`, children: <Files of={of} edits={edits} /> }] : []),
  ];
  const other = languages.find((code) => code !== of?.lang);
  return (
    <div className="page">
      <Title>{of?.title ?? t('kb.add')}</Title>
      <div className="page-head kb-head">
        <Link to="/kb" aria-label={t('kb.back')} title={t('kb.back')} className="round">
          <Icon name="back" />
        </Link>
        <h1>{of?.title ?? t('kb.add')}</h1>
        {of && <StateTag state={of.state} />}
        {of && of.live_version > 0 && of.state !== 'live' && <span className="tag tag-good">{t('kb.liveBelow', { version: of.live_version })}</span>}
        {edits && (
          <span className="kb-actions">
            {of && <Steps of={of} dirty={dirty} />}
            <Button type={dirty ? 'primary' : 'default'} disabled={!dirty || !edit.title.trim() || (!of && !key.trim())} loading={save.isPending} onClick={() => save.mutate()}>
              {t('settings.save')}
            </Button>
          </span>
        )}
      </div>
      {of && (
        <p className="muted kb-facts num">
          <span>
            {of.key} · {t(`kb.langs.${of.lang}`)} · {t('kb.version', { n: of.version })}
          </span>
          {of.twins.map((twin) => (
            <Link key={twin.id} to="/kb/$articleId" params={{ articleId: String(twin.id) }}>
              {t(`kb.langs.${twin.lang}`)}: {twin.title}
            </Link>
          ))}
          {edits && of.twins.length === 0 && other && (
            <Link to="/kb/$articleId" params={{ articleId: 'new' }} search={{ key: of.key, lang: other }}>
              + {t('kb.writeTwin', { lang: t(`kb.langs.${other}`) })}
            </Link>
          )}
          {of.live_version > 0 && of.audience === 'public' && (
            <a href={`/help/${of.lang}/a/${encodeURIComponent(of.key)}`} target="_blank" rel="noreferrer">
              {t('kb.inHelp')} ↗
            </a>
          )}
          <span>{t('kb.acceptance', { ...of.acceptance })}</span>
        </p>
      )}
      <div className="kb-editor">
        <section className="card kb-pad" aria-label={t('kb.content')}>
          {!of && (
            <div className="kb-pair">
              <label>
                {t('kb.key')}
                <Input value={key} maxLength={100} spellCheck={false} placeholder="return-process" onChange={(event) => setKey(event.target.value)} />
              </label>
              <div>
                <span className="kb-label">{t('kb.lang')}</span>
                <Segmented block aria-label={t('kb.lang')} value={lang} options={languages.map((value) => ({ value, label: t(`kb.langs.${value}`) }))} onChange={setLang} />
              </div>
            </div>
          )}
          <Segmented aria-label={t('kb.type')} disabled={!edits} value={edit.type} options={types.map((value) => ({ value, label: t(`kb.types.${value}`) }))} onChange={(type) => set({ type })} />
          <Form edit={edit} set={set} disabled={!edits} />
          {edits && dirty && (
            <label>
              {t('kb.note')}
              <Input value={note} maxLength={500} onChange={(event) => setNote(event.target.value)} />
            </label>
          )}
        </section>
        {tabs.length > 0 && (
          <section className="card kb-side" aria-label={t('kb.tools')}>
            <Tabs items={tabs} size="small" destroyOnHidden />
          </section>
        )}
      </div>
    </div>
  );
}

/** ArticlePage is the editor of one article; "new" is one that is not saved yet. */
export function ArticlePage() {
  const { articleId } = useParams({ from: '/shell/kb/$articleId' });
  const start = useSearch({ from: '/shell/kb/$articleId' });
  const fresh = articleId === 'new';
  const { data, error, refetch } = useQuery({ ...article(articleId), enabled: !fresh });
  if (fresh) return <Editor key={`new ${start.key ?? ''} ${start.lang ?? ''}`} start={start} />;
  if (error)
    return (
      <div className="page">
        <Failed error={error} retry={() => void refetch()} />
      </div>
    );
  if (!data)
    return (
      <div className="page">
        <Waiting rows={8} />
      </div>
    );
  return <Editor key={`${data.id} ${data.version}`} of={data} start={start} />;
}
