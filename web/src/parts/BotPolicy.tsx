import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, InputNumber, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { policy, type BotLine, type BotPolicy as Policy } from '../api/bot';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

/** Step and unit of the number of each line; those without have none. */
const numbers: Partial<Record<BotLine['reason'], { step: number; min: number; max: number }>> = {
  fallbacks: { step: 1, min: 1, max: 10 },
  clarification: { step: 1, min: 1, max: 10 },
  repeat: { step: 0.01, min: 0.5, max: 1 },
  emotion: { step: 0.05, min: 0, max: 1 },
  topic: { step: 100, min: 0, max: 1000000 },
  error: { step: 1, min: 1, max: 10 },
  latency: { step: 0.5, min: 0.5, max: 60 },
};

/** BotPolicy shows when a person takes over: nine lines, each a switch with a number, and the topics for people. */
export function BotPolicy() {
  const { data, error, refetch } = useQuery(policy);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={9} />;
  return <PolicyForm key={JSON.stringify(data)} stored={data} />;
}

function PolicyForm({ stored }: { stored: Policy }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [draft, setDraft] = useState(stored);
  const save = useMutation({
    mutationFn: () => request('/bot/policy', { method: 'PUT', body: draft }),
    onSuccess: async () => {
      void message.success(t('settings.saved'));
      await client.invalidateQueries({ queryKey: policy.queryKey });
    },
    onError: (problem) => void message.error(problem instanceof Problem && problem.status === 422 ? problem.detail : t(problemKey(problem))),
  });
  const line = (at: number, part: Partial<BotLine>) => setDraft((old) => ({ ...old, lines: old.lines.map((l, i) => (i === at ? { ...l, ...part } : l)) }));
  const words = (at: number, text: string) => setDraft((old) => ({ ...old, topics: old.topics.map((x, i) => (i === at ? { ...x, words: text.split(/[,，\n]/).map((w) => w.trim()).filter(Boolean) } : x)) }));
  return (
    <div className="bot-policy">
      <section className="card">
        <div className="card-head">
          <h2>{t('bot.lines')}</h2>
          <Button type="primary" size="small" disabled={draft === stored} loading={save.isPending} onClick={() => save.mutate()}>
            {t('settings.save')}
          </Button>
        </div>
        <p className="bot-note muted">{t('bot.linesHint')}</p>
        <ol className="bot-lines">
          {draft.lines.map((l, i) => {
            const limits = numbers[l.reason];
            return (
              <li key={l.reason}>
                <Switch size="small" checked={l.on} aria-label={t(`bot.reason.${l.reason}`)} onChange={(on) => line(i, { on })} />
                <span className="bot-line-name">
                  <strong>{t(`bot.reason.${l.reason}`)}</strong>
                  <span className="muted">{t(`bot.reasonHint.${l.reason}`)}</span>
                </span>
                {limits && <InputNumber size="small" {...limits} value={l.number} disabled={!l.on} aria-label={t(`bot.number.${l.reason}`)} suffix={t(`bot.number.${l.reason}`)} onChange={(value) => value !== null && line(i, { number: value })} style={{ width: 150 }} />}
                {l.reason === 'emotion' && <InputNumber size="small" min={0} max={10} precision={0} value={l.rising ?? 0} disabled={!l.on} aria-label={t('bot.rising')} suffix={t('bot.rising')} onChange={(value) => value !== null && line(i, { rising: value })} style={{ width: 150 }} />}
              </li>
            );
          })}
        </ol>
      </section>
      <section className="card">
        <div className="card-head">
          <h2>{t('bot.topics')}</h2>
        </div>
        <p className="bot-note muted">{t('bot.topicsHint')}</p>
        <ul className="bot-topics">
          {draft.topics.map((topic, i) => (
            <li key={topic.name}>
              <span>
                <strong>{t(`bot.topic.${topic.name}`, topic.name)}</strong>
                <label className="bot-urgent">
                  <Switch size="small" checked={topic.urgent ?? false} onChange={(urgent) => setDraft((old) => ({ ...old, topics: old.topics.map((x, k) => (k === i ? { ...x, urgent } : x)) }))} />
                  {t('bot.urgent')}
                </label>
              </span>
              <Input.TextArea autoSize={{ minRows: 1, maxRows: 5 }} defaultValue={topic.words.join(', ')} aria-label={t(`bot.topic.${topic.name}`, topic.name)} onChange={(event) => words(i, event.target.value)} />
            </li>
          ))}
        </ul>
        <h3 className="bot-sub">{t('botPatterns.title')}</h3>
        <p className="bot-note muted">{t('botPatterns.hint')}</p>
        <div className="bot-sureness bot-patterns">
          {(['order', 'tracking'] as const).map((name) => (
            <label key={name}>
              {t(`botPatterns.${name}`)}
              <Input size="small" spellCheck={false} maxLength={300} value={draft.patterns?.[name] ?? ''} placeholder={t('botPatterns.usual')} onChange={(event) => setDraft((old) => ({ ...old, patterns: { ...old.patterns, [name]: event.target.value || undefined } }))} />
            </label>
          ))}
        </div>
        <h3 className="bot-sub">{t('bot.sureness')}</h3>
        <div className="bot-sureness">
          {(['intent', 'sure', 'smooth'] as const).map((name) => (
            <label key={name}>
              {t(`bot.sure.${name}`)}
              <InputNumber size="small" min={name === 'smooth' ? 0.1 : name === 'sure' ? 0.5 : 0.3} max={name === 'intent' ? 0.99 : 1} step={0.05} value={draft[name]} onChange={(value) => value !== null && setDraft((old) => ({ ...old, [name]: value }))} style={{ width: 110 }} />
            </label>
          ))}
        </div>
      </section>
    </div>
  );
}
