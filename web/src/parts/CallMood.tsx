import { useMutation } from '@tanstack/react-query';
import { Popconfirm } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Alert, CallEmotion, EmotionLabel } from '../api/model';
import { problemKey } from '../api/problem';
import type { Playback } from '../call/playback';
import { adviceOf, stateOf, useLimits } from '../call/mood';
import { clock, signed, useFormat } from '../i18n/format';
import { useLabel, Why } from './AlertBar';
import { Icon } from './Icon';
import { Face } from './Mood';
import { useMessage } from './messages';
import './mood.css';

function AlertItem({ id, alert, label, playback }: { id: string; alert: Alert; label: EmotionLabel | undefined; playback: Playback | null }) {
  const { t, i18n } = useTranslation();
  const say = useLabel(id);
  return (
    <li className="mood-alert">
      <div className="mood-alert-head">
        {playback ? (
          <button type="button" className="num mood-hear" aria-label={`${t('call.hear')} ${clock(alert.start_ms)}`} onClick={() => playback.play(alert.start_ms)}>
            <Icon name="play" size={13} />
            {clock(alert.start_ms)}
          </button>
        ) : (
          <span className="num">{clock(alert.start_ms)}</span>
        )}
        <span className="tag">{t(`mood.state.${alert.state}`)}</span>
        {alert.level === 'supervisor' && <span className="tag tag-poor">{t('mood.supervisor')}</span>}
      </div>
      <p>{adviceOf(alert, i18n.language)?.sentence}</p>
      <Why alert={alert} />
      {label ? (
        <p className="muted">{t(`mood.said.${label.label}`, { who: label.by })}</p>
      ) : (
        <div className="mood-labels" role="group" aria-label={t('mood.judge')}>
          <button type="button" className="mood-chip" disabled={say.isPending} onClick={() => say.mutate({ alert: alert.n, label: 'angry' })}>
            {t('mood.angryYes')}
          </button>
          <button type="button" className="mood-chip" disabled={say.isPending} onClick={() => say.mutate({ alert: alert.n, label: 'not_angry' })}>
            {t('mood.notAngry')}
          </button>
        </div>
      )}
    </li>
  );
}

/** Decline writes into the ledger that this number does not want its voice read. */
function Decline({ number }: { number: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const decline = useMutation({
    mutationFn: () => request('/consents', { method: 'POST', body: { identity: number, purpose: 'voice_emotion', state: 'refused' } }),
    onSuccess: () => void message.success(t('mood.consent.done')),
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Popconfirm title={t('mood.consent.ask')} okText={t('mood.consent.stop')} cancelText={t('settings.cancel')} onConfirm={() => decline.mutate()}>
      <button type="button" className="mood-chip" disabled={decline.isPending || decline.isSuccess}>
        {t('mood.consent.stop')}
      </button>
    </Popconfirm>
  );
}

/** CallMood is how the caller of a finished call felt: the figures, the alerts, and what people said of them. */
export function CallMood({ id, number, emotion, playback }: { id: string; number: string | null; emotion: CallEmotion; playback: Playback | null }) {
  const { t } = useTranslation();
  const { number: write } = useFormat();
  const limits = useLimits();
  const mood = (emotion.moods ?? []).find((m) => m.side === 'caller');
  const alerts = emotion.alerts ?? [];
  if (!mood && alerts.length === 0) return null;
  return (
    <section className="card" aria-labelledby="mood-title">
      <div className="card-head">
        <h2 id="mood-title">{t('mood.label')}</h2>
        {mood && <Face state={stateOf(mood.value, limits)} />}
      </div>
      <div className="facts">
        {mood && (
          <dl>
            <div>
              <dt>{t('mood.value')}</dt>
              <dd className="num">{write(100 * mood.value)}</dd>
            </div>
            <div>
              <dt>{t('mood.trend')}</dt>
              <dd className="num">
                {signed(100 * mood.trend, write)} {t(mood.trend > 0.05 ? 'mood.worse' : mood.trend < -0.05 ? 'mood.better' : 'mood.same')}
              </dd>
            </div>
            <div>
              <dt>{t('mood.peak')}</dt>
              <dd className="num">
                {write(100 * mood.peak)} ({clock(mood.peak_start_ms)})
              </dd>
            </div>
          </dl>
        )}
        {alerts.length > 0 && (
          <ul>
            {alerts.map((alert) => (
              <AlertItem key={alert.n} id={id} alert={alert} label={(emotion.labels ?? []).findLast((l) => l.alert === alert.n)} playback={playback} />
            ))}
          </ul>
        )}
        <p className="muted mood-note">{t('mood.note')}</p>
        {number && emotion.consented && <Decline number={number} />}
      </div>
    </section>
  );
}
