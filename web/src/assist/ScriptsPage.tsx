import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Button, Checkbox, Input, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { intents as intentsQuery, textIn } from '../api/bot';
import { request } from '../api/client';
import { queueSettings, session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { useSaid } from '../kb/ArticlePage';
import { languages } from '../kb/queries';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { scripts, scriptVersions, type Script, type ScriptDoc } from './data';
import { KbTabs } from './KbTabs';
import '../kb/kb.css';

type Step = ScriptDoc['steps'][number];
type Item = Step['items'][number];

const blank = (lang: 'zh' | 'en'): ScriptDoc => ({ title: '', lang, queues: [], intents: [], steps: [{ title: '', say: '', items: [] }] });

/** phrasesOf reads what is written between commas; a pattern between slashes may hold commas. */
export function phrasesOf(text: string): string[] {
  return [...text.matchAll(/\s*\/(?:[^/\\]|\\.)+\/|[^,，、]+/g)].map((found) => found[0].trim()).filter(Boolean);
}

function ItemRow({ item, n, set, remove }: { item: Item; n: number; set: (item: Item) => void; remove: () => void }) {
  const { t } = useTranslation();
  const [phrases, setPhrases] = useState((item.phrases ?? []).join(', '));
  return (
    <div className="script-item">
      <Input aria-label={t('assist.scripting.item', { n })} placeholder={t('assist.scripting.itemHint')} value={item.text} maxLength={500} onChange={(event) => set({ ...item, text: event.target.value })} />
      <Input aria-label={t('assist.scripting.phrases', { n })} placeholder={t('assist.scripting.phrasesHint')} value={phrases} maxLength={2000} spellCheck={false} onChange={(event) => setPhrases(event.target.value)} onBlur={() => set({ ...item, phrases: phrasesOf(phrases) })} />
      <Select aria-label={t('assist.scripting.by', { n })} value={item.by ?? 'agent'} options={(['agent', 'customer', 'any'] as const).map((value) => ({ value, label: t(`assist.by.${value}`) }))} onChange={(by) => set({ ...item, by })} />
      <Checkbox checked={item.optional ?? false} onChange={(event) => set({ ...item, optional: event.target.checked })}>
        {t('assist.optional')}
      </Checkbox>
      <button type="button" className="round" aria-label={t('assist.scripting.drop', { n })} title={t('assist.scripting.drop', { n })} onClick={remove}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

function StepEditor({ step, n, last, set, remove, move }: { step: Step; n: number; last: boolean; set: (step: Step) => void; remove: () => void; move: (by: number) => void }) {
  const { t } = useTranslation();
  const put = (at: number, item?: Item) => set({ ...step, items: item ? step.items.map((old, i) => (i === at ? item : old)) : step.items.filter((_, i) => i !== at) });
  return (
    <fieldset className="script-step">
      <legend>{t('assist.scripting.step', { n })}</legend>
      <div className="script-step-head">
        <Input aria-label={t('assist.scripting.stepTitle', { n })} placeholder={t('assist.scripting.stepHint')} value={step.title} maxLength={100} onChange={(event) => set({ ...step, title: event.target.value })} />
        <button type="button" className="round" aria-label={t('assist.scripting.up', { n })} disabled={n === 1} onClick={() => move(-1)}>
          <Icon name="up" size={16} />
        </button>
        <button type="button" className="round" aria-label={t('assist.scripting.down', { n })} disabled={last} onClick={() => move(1)}>
          <Icon name="down" size={16} />
        </button>
        <button type="button" className="round" aria-label={t('assist.scripting.dropStep', { n })} title={t('assist.scripting.dropStep', { n })} onClick={remove}>
          <Icon name="close" size={16} />
        </button>
      </div>
      <Input.TextArea aria-label={t('assist.scripting.say', { n })} placeholder={t('assist.scripting.sayHint')} value={step.say} autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} onChange={(event) => set({ ...step, say: event.target.value })} />
      {step.items.map((item, i) => (
        <ItemRow key={i} item={item} n={i + 1} set={(changed) => put(i, changed)} remove={() => put(i)} />
      ))}
      <Button size="small" disabled={step.items.length >= 20} onClick={() => set({ ...step, items: [...step.items, { text: '', by: 'agent', phrases: [] }] })}>
        {t('assist.scripting.addItem')}
      </Button>
    </fieldset>
  );
}

function ScriptForm({ of, leads, onClose }: { of?: Script; leads: boolean; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const { dateTime } = useFormat();
  const said = useSaid();
  const client = useQueryClient();
  const { data: queues } = useQuery({ ...queueSettings, enabled: leads });
  const { data: intents } = useQuery(intentsQuery);
  const { data: versions } = useQuery({ ...scriptVersions(of?.name ?? ''), enabled: of !== undefined });
  const [name, setName] = useState(of?.name ?? '');
  const [doc, setDoc] = useState<ScriptDoc>(() => structuredClone(of?.doc ?? blank(i18n.language.startsWith('zh') ? 'zh' : 'en')));
  const [round, setRound] = useState(0);
  const [retired, setRetired] = useState(of?.retired ?? false);
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['scripts'] });
    void message.success(t('settings.saved'));
    onClose();
  };
  const onError = (error: unknown) => void message.error(said(error));
  const save = useMutation({ mutationFn: () => request(`/scripts/${name.trim()}`, { method: 'PUT', body: { version: of?.version ?? 0, retired, doc } }), onSuccess: done, onError });
  const remove = useMutation({ mutationFn: () => request(`/scripts/${name}`, { method: 'DELETE' }), onSuccess: done, onError });
  const put = (at: number, step?: Step) => setDoc((old) => ({ ...old, steps: step ? old.steps.map((one, i) => (i === at ? step : one)) : old.steps.filter((_, i) => i !== at) }));
  const move = (at: number, by: number) => {
    setRound(round + 1);
    setDoc((old) => {
      const steps = [...old.steps];
      const [one] = steps.splice(at, 1);
      if (one) steps.splice(at + by, 0, one);
      return { ...old, steps };
    });
  };
  return (
    <Modal
      open
      width={860}
      title={of ? of.doc.title : t('assist.scripting.add')}
      onCancel={onClose}
      footer={
        <div className="assist-foot">
          {of && (
            <Popconfirm title={t('assist.removeAsk')} okText={t('assist.remove')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate()}>
              <Button danger>{t('assist.remove')}</Button>
            </Popconfirm>
          )}
          <span className="assist-grow" />
          <Button onClick={onClose}>{t('settings.cancel')}</Button>
          <Button type="primary" loading={save.isPending} disabled={!name.trim() || !doc.title.trim()} onClick={() => save.mutate()}>
            {t('settings.save')}
          </Button>
        </div>
      }
    >
      <div className="kb-form">
        <div className="kb-pair">
          <label>
            {t('assist.scripting.title')}
            <Input value={doc.title} maxLength={100} autoFocus onChange={(event) => setDoc({ ...doc, title: event.target.value })} />
          </label>
          <label>
            {t('assist.scripting.name')}
            <Input value={name} maxLength={64} disabled={of !== undefined} spellCheck={false} placeholder="returns" onChange={(event) => setName(event.target.value.toLowerCase())} />
          </label>
          <label>
            {t('kb.lang')}
            <Select value={doc.lang} options={languages.map((value) => ({ value, label: t(`kb.langs.${value}`) }))} onChange={(lang) => setDoc({ ...doc, lang })} />
          </label>
        </div>
        <div className="kb-pair">
          <label>
            {t('assist.scripting.queues')}
            <Select mode="tags" value={doc.queues} options={(queues ?? []).map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} onChange={(value: string[]) => setDoc({ ...doc, queues: value })} />
          </label>
          <label>
            {t('assist.scripting.intents')}
            <Select mode="tags" value={doc.intents} options={(intents ?? []).filter((one) => one.kind === 'task').map((one) => ({ value: one.name, label: textIn(one.title, i18n.language) || one.name }))} onChange={(value: string[]) => setDoc({ ...doc, intents: value })} />
          </label>
        </div>
        {doc.steps.map((step, i) => (
          <StepEditor key={`${round} ${i} ${doc.steps.length}`} step={step} n={i + 1} last={i + 1 === doc.steps.length} set={(changed) => put(i, changed)} remove={() => put(i)} move={(by) => move(i, by)} />
        ))}
        <Button disabled={doc.steps.length >= 30} onClick={() => setDoc({ ...doc, steps: [...doc.steps, { title: '', say: '', items: [] }] })}>
          {t('assist.scripting.addStep')}
        </Button>
        <Checkbox checked={retired} onChange={(event) => setRetired(event.target.checked)}>
          {t('assist.scripting.retire')}
        </Checkbox>
        {versions && versions.length > 1 && (
          <details>
            <summary>{t('kb.versions')}</summary>
            <ul className="script-versions">
              {versions.map((one) => (
                <li key={one.version}>
                  <span className="num">
                    v{one.version} · {dateTime(one.at)} · {one.by}
                  </span>
                  <Button
                    size="small"
                    onClick={() => {
                      setDoc(structuredClone(one.doc));
                      setRound(round + 1);
                    }}
                  >
                    {t('assist.scripting.load')}
                  </Button>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </Modal>
  );
}

/** ScriptsPage lists the scripts of talks and lets editors write them. */
export function ScriptsPage() {
  const { t } = useTranslation();
  const { day } = useFormat();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const list = useQuery(scripts);
  const [edited, setEdited] = useState<Script | 'new'>();
  return (
    <div className="page">
      <Title>{t('assist.tab.scripts')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.scripts')}</h1>
        {edits && (
          <Button type="primary" className="page-end" onClick={() => setEdited('new')}>
            {t('assist.scripting.add')}
          </Button>
        )}
      </div>
      <KbTabs />
      <section className="card" aria-label={t('assist.tab.scripts')}>
        {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Waiting rows={4} />}
        {list.data?.length === 0 && <Empty icon="words" title={t('assist.scriptsNone')} hint={t('assist.scripting.hint')} />}
        <ul className="kb-list">
          {list.data?.map((one) => {
            const body = (
              <>
                <span className="kb-row-title">
                  <strong>{one.doc.title}</strong>
                  <span className="kb-row-marks">
                    <span className="tag">{t(`kb.langs.${one.doc.lang}`)}</span>
                    {one.retired && <span className="tag tag-poor">{t('kb.states.retired')}</span>}
                  </span>
                </span>
                <span className="assist-two">{one.doc.steps.map((step) => step.title).join(' → ')}</span>
                <span className="kb-row-facts muted num">
                  <code>{one.name}</code>
                  <span>{t('assist.scripting.version', { n: one.version })}</span>
                  {(one.doc.queues ?? []).length > 0 && <span>{t('assist.scripting.forQueues', { names: (one.doc.queues ?? []).join(', ') })}</span>}
                  {(one.doc.intents ?? []).length > 0 && <span>{t('assist.scripting.forIntents', { names: (one.doc.intents ?? []).join(', ') })}</span>}
                  <span>{t('kb.updated', { day: day(one.updated_at), by: one.updated_by })}</span>
                </span>
              </>
            );
            return (
              <li key={one.name}>
                {edits ? (
                  <button type="button" className="kb-row assist-row" onClick={() => setEdited(one)}>
                    {body}
                  </button>
                ) : (
                  <div className="kb-row">{body}</div>
                )}
              </li>
            );
          })}
        </ul>
      </section>
      {edited && <ScriptForm of={edited === 'new' ? undefined : edited} leads={may(who?.user.role, 'queues')} onClose={() => setEdited(undefined)} />}
    </div>
  );
}
