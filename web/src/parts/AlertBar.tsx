import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Alert, Label } from '../api/model';
import { problemKey } from '../api/problem';
import { adviceOf } from '../call/mood';
import { clock, useFormat } from '../i18n/format';
import { Icon } from './Icon';
import { useMessage } from './messages';
import './mood.css';

/** useLabel says what a person thinks of an alert; the server writes it down and ends an open one that is wrong. */
export function useLabel(id: string) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ alert, label }: { alert: number; label: Label }) => request(`/calls/${id}/labels`, { method: 'POST', body: { alert, label } }),
    onSuccess: async () => {
      void message.success(t('mood.labelled'));
      await Promise.all([client.invalidateQueries({ queryKey: ['call', id, 'emotion'] }), client.invalidateQueries({ queryKey: ['alerts'] })]);
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
}

/** Why is what the alert rests on: against what, by how much, and what to listen to. */
export function Why({ alert }: { alert: Alert }) {
  const { t, i18n } = useTranslation();
  const { number } = useFormat();
  const advice = adviceOf(alert, i18n.language);
  return (
    <dl className="alert-why">
      <div>
        <dt>{t('mood.why')}</dt>
        <dd>
          {t(`mood.cause.${alert.cause}`)} ({number(100 * alert.mood_from)} → {number(100 * alert.mood_to)})
        </dd>
      </div>
      {alert.cues.length > 0 && (
        <div>
          <dt>{t('mood.cues')}</dt>
          <dd>{alert.cues.map((c) => `${t(`mood.cue.${c.feature.replaceAll(' ', '_')}`, c.feature)} ${c.z > 0 ? '+' : ''}${number(c.z, 1)} σ`).join(', ')}</dd>
        </div>
      )}
      {advice?.baseline && (
        <div>
          <dt>{t('mood.against')}</dt>
          <dd>{advice.baseline}</dd>
        </div>
      )}
      <div>
        <dt>{t('mood.listen')}</dt>
        <dd className="num">
          {clock(alert.start_ms)} – {clock(alert.end_ms)}
        </dd>
      </div>
    </dl>
  );
}

/** AlertBar is one sentence and one action, never in the way. */
export function AlertBar({ id, alert }: { id: string; alert: Alert }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const label = useLabel(id);
  const advice = adviceOf(alert, i18n.language);
  if (!advice) return null;
  return (
    <aside className={`alert-bar alert-${alert.level}`} aria-label={t('mood.alert')}>
      <div className="alert-line">
        <Icon name="heart" />
        <p role="status">
          {alert.level === 'supervisor' && <strong>{t('mood.supervisorAsked')} </strong>}
          {advice.sentence}
        </p>
        <button type="button" className="alert-action" aria-expanded={open} onClick={() => setOpen(!open)}>
          {advice.button}
        </button>
        <button type="button" className="alert-not" disabled={label.isPending} onClick={() => label.mutate({ alert: alert.n, label: 'not_angry' })}>
          {t('mood.notAngry')}
        </button>
      </div>
      {open && (
        <div className="alert-more">
          <blockquote>{advice.script}</blockquote>
          <Why alert={alert} />
        </div>
      )}
    </aside>
  );
}
