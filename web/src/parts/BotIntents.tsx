import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { intents as intentsQuery, models as modelsQuery, textIn, unanswered as unansweredQuery, type BotIntent, type BotModel, type BotTurn } from '../api/bot';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { firstOf, useFormat } from '../i18n/format';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

const langs = ['zh', 'en'] as const;

/** BotIntents teaches the bot: intents and their phrases, what was not understood, and what is mixed up. */
export function BotIntents() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useQuery(intentsQuery);
  const [edited, setEdited] = useState<BotIntent | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  const count = (i: BotIntent, lang: string) => i.phrases.filter((p) => p.lang === lang).length;
  return (
    <div className="bot-columns">
      <section className="card">
        <div className="card-head">
          <h2>{t('bot.tab.intents')}</h2>
          <Button size="small" type="primary" onClick={() => setEdited({ name: '', kind: 'talk', title: {}, answer: {}, phrases: [], version: 0, updated_at: '', updated_by: '' })}>
            {t('bot.addIntent')}
          </Button>
        </div>
        <ul className="bot-intents">
          {data.map((i) => (
            <li key={i.name}>
              <span>
                <strong>{textIn(i.title, i18n.language) || i.name}</strong> <code>{i.name}</code>
                <span className="muted bot-line">{t('bot.phraseCount', { zh: count(i, 'zh'), en: count(i, 'en') })}</span>
              </span>
              <span className="tag">{t(`bot.kind.${i.kind}`)}</span>
              <Button size="small" onClick={() => setEdited(i)} aria-label={`${t('bot.edit')}: ${i.name}`}>
                {t('bot.edit')}
              </Button>
            </li>
          ))}
        </ul>
      </section>
      <div className="bot-stack">
        <Open intents={data} />
        <Figures intents={data} />
      </div>
      {edited && <IntentForm intent={edited} onClose={() => setEdited(null)} />}
    </div>
  );
}

/** Open are turns that were not understood, to be given to an intent. */
function Open({ intents }: { intents: BotIntent[] }) {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useQuery(unansweredQuery);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('bot.unanswered')}</h2>
      </div>
      <p className="bot-note muted">{t('bot.unansweredHint')}</p>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {data?.length === 0 && <p className="table-none">{t('bot.allAnswered')}</p>}
      <ul className="bot-open">
        {data?.slice(0, 30).map((turn) => (
          <Label key={turn.id} turn={turn} options={intents.map((i) => ({ value: i.name, label: textIn(i.title, i18n.language) || i.name }))} />
        ))}
      </ul>
    </section>
  );
}

function Label({ turn, options }: { turn: BotTurn; options: { value: string; label: string }[] }) {
  const { t } = useTranslation();
  const message = useMessage();
  const { dateTime } = useFormat();
  const client = useQueryClient();
  const label = useMutation({
    mutationFn: (intent: string) => request(`/bot/turns/${turn.id}/label`, { method: 'POST', body: { intent } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['bot'] }),
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <li>
      <span>
        {turn.text}
        <span className="muted bot-line">
          {t(`bot.decision.${turn.decision}`)} · {dateTime(turn.at)}
        </span>
      </span>
      <Select size="small" placeholder={t('bot.means')} options={options} showSearch={{ optionFilterProp: 'label' }} loading={label.isPending} onChange={(intent: string) => label.mutate(intent)} aria-label={`${t('bot.means')}: ${turn.text}`} style={{ width: 150 }} />
    </li>
  );
}

/** Figures are the last training: held-out figures and what was mixed up. */
function Figures({ intents }: { intents: BotIntent[] }) {
  const { t } = useTranslation();
  const message = useMessage();
  const { data, error, refetch } = useQuery({ ...modelsQuery, refetchInterval: 5000 });
  const train = useMutation({
    mutationFn: () => request('/bot/train', { method: 'POST' }),
    onSuccess: () => void message.success(t('bot.trains')),
    onError: (problem) => void message.error(t(problemKey(problem))),
  });
  const last = langs.map((lang) => data?.find((m) => m.lang === lang)).filter((m): m is BotModel => m !== undefined);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('bot.figures')}</h2>
        <Button size="small" loading={train.isPending} onClick={() => train.mutate()}>
          {t('bot.train')}
        </Button>
      </div>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {data && last.length === 0 && <p className="table-none">{t('bot.untrained')}</p>}
      {last.map((m) => (
        <ModelView key={m.lang} model={m} intents={intents} />
      ))}
    </section>
  );
}

/** classOf names what the bot takes a text for: an intent, the articles of a category, or nothing of ours. */
function classOf(name: string, intents: readonly BotIntent[], language: string, articles: (category: string) => string): string {
  if (name.startsWith('article:')) return articles(name.slice('article:'.length));
  const intent = intents.find((one) => one.name === (name === 'oos' ? 'out_of_scope' : name));
  return firstOf(intent && textIn(intent.title, language), name);
}

function ModelView({ model, intents }: { model: BotModel; intents: BotIntent[] }) {
  const { t, i18n } = useTranslation();
  const of = (name: string) => classOf(name, intents, i18n.language, (category) => t('look.articlesOf', { category }));
  const { number, dateTime } = useFormat();
  const f = model.figures;
  const measured = f.intents.length > 0;
  const percent = (x: number) => (measured ? `${number(100 * x, 1)}%` : '–');
  return (
    <div className="bot-model">
      <h3>
        {t(`bot.lang.${model.lang}`)} <code>{model.version}</code> <span className="muted">{dateTime(model.trained_at)}</span>
      </h3>
      <dl className="bot-numbers">
        <div>
          <dt>{t('bot.accuracy')}</dt>
          <dd className="num">{percent(f.accuracy)}</dd>
        </div>
        <div>
          <dt>{t('bot.foreignRecall')}</dt>
          <dd className="num">{percent(f.foreign_recall)}</dd>
        </div>
        <div>
          <dt>{t('bot.rejects')}</dt>
          <dd className="num">{percent(f.false_rejects)}</dd>
        </div>
        <div>
          <dt>{t('bot.phrases')}</dt>
          <dd className="num">{number(f.phrases)}</dd>
        </div>
      </dl>
      {!measured && <p className="muted bot-note">{t('bot.unmeasured')}</p>}
      {f.mixed.length > 0 && (
        <table className="table bot-mixed">
          <thead>
            <tr>
              <th>{t('bot.right')}</th>
              <th>{t('bot.guessed')}</th>
              <th className="end">{t('bot.times')}</th>
              <th>{t('bot.examples')}</th>
            </tr>
          </thead>
          <tbody>
            {f.mixed.slice(0, 12).map((m) => (
              <tr key={m.right + m.guessed}>
                <td data-label={t('bot.right')} title={m.right}>
                  {of(m.right)}
                </td>
                <td data-label={t('bot.guessed')} title={m.guessed}>
                  {of(m.guessed)}
                </td>
                <td data-label={t('bot.times')} className="end num">
                  {m.count}
                </td>
                <td data-label={t('bot.examples')}>{m.examples.join(' / ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface Fields {
  name: string;
  kind: BotIntent['kind'];
  title_zh?: string;
  title_en?: string;
  answer_zh?: string;
  answer_en?: string;
  phrases_zh?: string;
  phrases_en?: string;
  frame?: string;
}

const lines = (intent: BotIntent, lang: string) =>
  intent.phrases
    .filter((p) => p.lang === lang)
    .map((p) => p.text)
    .join('\n');

function bodyOf(intent: BotIntent, f: Fields) {
  const texts = (zh?: string, en?: string) => ({ ...(zh ? { zh } : {}), ...(en ? { en } : {}) });
  const known = new Map(intent.phrases.map((p) => [`${p.lang} ${p.text}`, p.source]));
  const phrases = langs.flatMap((lang) =>
    [...new Set((f[`phrases_${lang}`] ?? '').split('\n').map((x) => x.trim()))].filter(Boolean).map((text) => ({ lang, text, source: known.get(`${lang} ${text}`) ?? ('person' as const) })),
  );
  return {
    name: f.name,
    kind: f.kind,
    category: intent.category,
    title: texts(f.title_zh, f.title_en),
    answer: f.kind === 'talk' ? texts(f.answer_zh, f.answer_en) : undefined,
    frame: f.kind === 'task' ? (JSON.parse(f.frame ?? '{}') as BotIntent['frame']) : undefined,
    phrases,
  };
}

const isJSON = (_: unknown, value: string) => {
  try {
    JSON.parse(value || '{}');
    return Promise.resolve();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error('JSON'));
  }
};

function IntentForm({ intent, onClose }: { intent: BotIntent; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [form] = Form.useForm<Fields>();
  const kind = Form.useWatch<Fields['kind'] | undefined>('kind', form) ?? intent.kind;
  const done = async () => {
    await client.invalidateQueries({ queryKey: intentsQuery.queryKey });
    void message.success(t('settings.saved'));
    onClose();
  };
  const failed = (error: unknown) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error)));
  const save = useMutation({ mutationFn: (f: Fields) => request(`/bot/intents/${f.name}`, { method: 'PUT', body: bodyOf(intent, f) }), onSuccess: done, onError: failed });
  const remove = useMutation({ mutationFn: () => request(`/bot/intents/${intent.name}`, { method: 'DELETE' }), onSuccess: done, onError: failed });
  const initial: Fields = {
    name: intent.name,
    kind: intent.kind,
    title_zh: intent.title.zh,
    title_en: intent.title.en,
    answer_zh: intent.answer?.zh,
    answer_en: intent.answer?.en,
    phrases_zh: lines(intent, 'zh'),
    phrases_en: lines(intent, 'en'),
    frame: intent.frame ? JSON.stringify(intent.frame, null, 2) : '{\n  "slots": [],\n  "answer": { "zh": "", "en": "" }\n}',
  };
  const pair = (name: 'title' | 'answer' | 'phrases', rows?: number) => (
    <div className="bot-pair">
      {langs.map((lang) => (
        <Form.Item key={lang} name={`${name}_${lang}`} label={`${t(`bot.form.${name}`)} · ${t(`bot.lang.${lang}`)}`}>
          {rows ? <Input.TextArea autoSize={{ minRows: rows, maxRows: 12 }} /> : <Input maxLength={200} />}
        </Form.Item>
      ))}
    </div>
  );
  return (
    <Modal
      open
      width={760}
      title={intent.name ? t('bot.editIntent', { name: intent.name }) : t('bot.addIntent')}
      onCancel={onClose}
      footer={
        <div className="bot-foot">
          {intent.name && (
            <Popconfirm title={t('bot.removeAsk', { name: intent.name })} okText={t('bot.remove')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate()}>
              <Button danger>{t('bot.remove')}</Button>
            </Popconfirm>
          )}
          <span className="bot-grow" />
          <Button onClick={onClose}>{t('settings.cancel')}</Button>
          <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
            {t('settings.save')}
          </Button>
        </div>
      }
    >
      <Form form={form} layout="vertical" requiredMark={false} initialValues={initial} onFinish={(fields) => save.mutate(fields)}>
        <div className="bot-pair">
          <Form.Item name="name" label={t('bot.form.name')} rules={[{ required: true, pattern: /^[a-z][a-z0-9_]{0,63}$/, message: t('bot.form.nameHint') }]}>
            <Input disabled={intent.name !== ''} autoFocus={intent.name === ''} spellCheck={false} />
          </Form.Item>
          <Form.Item name="kind" label={t('bot.form.kind')}>
            <Select options={(['talk', 'task', 'foreign'] as const).map((value) => ({ value, label: t(`bot.kind.${value}`) }))} />
          </Form.Item>
        </div>
        {pair('title')}
        {kind === 'talk' && pair('answer', 2)}
        {kind === 'task' && (
          <Form.Item name="frame" label={t('bot.form.frame')} extra={t('bot.form.frameHint')} rules={[{ validator: isJSON }]}>
            <Input.TextArea className="bot-yaml" autoSize={{ minRows: 6, maxRows: 16 }} spellCheck={false} />
          </Form.Item>
        )}
        {pair('phrases', 5)}
        <p className="muted">{t('bot.form.phrasesHint')}</p>
      </Form>
    </Modal>
  );
}
