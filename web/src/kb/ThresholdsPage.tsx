import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Slider } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { session } from '../api/queries';
import { IntentGate } from '../assist/IntentGate';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { useSaid } from './ArticlePage';
import { judgements, type Judgement, type Point } from './queries';
import './kb.css';

const box = { w: 560, h: 256, left: 46, right: 12, top: 12, bottom: 46 };
const x = (p: number) => box.left + p * (box.w - box.left - box.right);
const y = (share: number) => box.h - box.bottom - share * (box.h - box.top - box.bottom);
const line = (points: readonly Point[], of: 'answered' | 'wrong' | 'shown') => [...points].reverse().map((point) => `${x(point.p).toFixed(1)},${y(point[of]).toFixed(1)}`).join(' ');

/** Curve is what each threshold would do, measured on held-out questions. */
export function Curve({ of, answer, clarify }: { of: Judgement; answer: number; clarify: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const marks = [
    { at: answer, name: 'τa', kind: 'answer' },
    { at: clarify, name: 'τc', kind: 'clarify' },
  ];
  return (
    <figure className="kb-curve">
      <svg viewBox={`0 0 ${box.w} ${box.h}`} role="img" aria-label={t('kb.curve')}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line className="kb-grid" x1={x(0)} x2={x(1)} y1={y(share)} y2={y(share)} />
            <text x={box.left - 6} y={y(share) + 4} textAnchor="end">
              {number(100 * share)}%
            </text>
            <text x={x(share)} y={box.h - 28} textAnchor="middle">
              {number(share, 2)}
            </text>
          </g>
        ))}
        <text x={x(0.5)} y={box.h - 7} textAnchor="middle">
          {t('look.sureness')}
        </text>
        <line className="kb-limit" x1={x(0)} x2={x(1)} y1={y(0.05)} y2={y(0.05)} />
        <polyline className="kb-shown" points={line(of.curve, 'shown')} />
        <polyline className="kb-answered" points={line(of.curve, 'answered')} />
        <polyline className="kb-wrong" points={line(of.curve, 'wrong')} />
        {marks.map((mark) => (
          <g key={mark.kind} className={`kb-mark kb-mark-${mark.kind}`}>
            <line x1={x(mark.at)} x2={x(mark.at)} y1={y(0)} y2={box.top} />
            <text x={x(mark.at) + (mark.at > 0.9 ? -5 : 5)} y={box.top + 10} textAnchor={mark.at > 0.9 ? 'end' : 'start'}>
              {mark.name}
            </text>
          </g>
        ))}
      </svg>
      <figcaption>
        {(['answered', 'wrong', 'shown'] as const).map((name) => (
          <span key={name} className={`kb-key kb-key-${name}`}>
            {t(`kb.curves.${name}`)}
          </span>
        ))}
        <span className="kb-key kb-key-limit">{t('kb.curves.limit')}</span>
      </figcaption>
    </figure>
  );
}

function Shift({ name, value, from, disabled, set }: { name: 'answer' | 'clarify'; value: number; from: number; disabled: boolean; set: (value: number) => void }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <div className="kb-shift">
      <span>
        {t(`kb.shifts.${name}`)} <strong className="num">{number(from + value, 2)}</strong>{' '}
        <span className="muted num">
          {value === 0 ? t('look.asLearnt') : `${number(from, 2)} ${value < 0 ? '−' : '+'} ${number(Math.abs(value), 2)}`}
        </span>
      </span>
      <Slider min={-0.1} max={0.1} step={0.01} value={value} disabled={disabled} onChange={set} tooltip={{ formatter: (v) => number(v ?? 0, 2) }} ariaLabelForHandle={t(`kb.shifts.${name}`)} />
    </div>
  );
}

function Language({ of, admin }: { of: Judgement; admin: boolean }) {
  const { t } = useTranslation();
  const { number, day, moment } = useFormat();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const [shift, setShift] = useState(of.shift);
  const changed = shift.answer !== of.shift.answer || shift.clarify !== of.shift.clarify;
  const onError = (error: unknown) => void message.error(said(error));
  const save = useMutation({
    mutationFn: () => request(`/kb/judgements/${of.lang}/shift`, { method: 'PUT', body: { answer: shift.answer, clarify: shift.clarify } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['kb', 'judgements'] });
      void message.success(t('settings.saved'));
    },
    onError,
  });
  const activate = useMutation({
    mutationFn: (id: number) => request(`/kb/judgements/${of.lang}/activate`, { method: 'POST', body: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['kb', 'judgements'] }),
    onError,
  });
  const train = useMutation({ mutationFn: () => request(`/kb/judgements/${of.lang}/train`, { method: 'POST' }), onSuccess: () => void message.success(t('kb.training')), onError });
  const answer = Math.min(0.999, of.drawn.answer + shift.answer);
  const { progress } = of;
  return (
    <section className="card kb-pad" aria-labelledby={`judge-${of.lang}`}>
      <div className="kb-judge-head">
        <h2 id={`judge-${of.lang}`}>{t(`kb.langs.${of.lang}`)}</h2>
        <span className="muted num">
          {t('kb.learntFrom', { articles: progress.articles, questions: of.questions })}
          {progress.model && ` · ${progress.model}`}
        </span>
        {progress.building && <span className="tag tag-ringing">{progress.of > 0 ? t('kb.buildingOf', { done: progress.done, of: progress.of }) : t('kb.building')}</span>}
        {admin && (
          <Button size="small" loading={train.isPending} onClick={() => train.mutate()}>
            {t('kb.train')}
          </Button>
        )}
      </div>
      {of.curve.length === 0 ? (
        <Empty icon="chart" title={t(progress.building ? 'kb.building' : 'kb.noJudgement')} hint={progress.building ? undefined : t('kb.noJudgementHint')} />
      ) : (
        <>
          <Curve of={of} answer={answer} clarify={Math.min(answer, of.drawn.clarify + shift.clarify)} />
          <Shift name="answer" value={shift.answer} from={of.drawn.answer} disabled={!admin} set={(value) => setShift({ ...shift, answer: value })} />
          <Shift name="clarify" value={shift.clarify} from={of.drawn.clarify} disabled={!admin} set={(value) => setShift({ ...shift, clarify: value })} />
          {admin && (
            <p>
              <Button type="primary" disabled={!changed} loading={save.isPending} onClick={() => save.mutate()}>
                {t('settings.save')}
              </Button>
            </p>
          )}
        </>
      )}
      {of.judgements.length > 0 && (
        <div className="kb-scroll">
          <table className="kb-table kb-learnt num">
            <caption>{t('kb.judgements')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('kb.when')}</th>
                <th scope="col">{t('kb.labelled')}</th>
                <th scope="col">MRR@10</th>
                <th scope="col">{t('kb.wrong')}</th>
                <th scope="col">{t('kb.right')}</th>
                <th scope="col">{t('kb.taken')}</th>
              </tr>
            </thead>
            <tbody>
              {of.judgements.slice(0, 8).map((one) => (
                <tr key={one.id}>
                  <td title={moment(one.at)}>{day(one.at)}</td>
                  <td>{number(one.learnt)}</td>
                  <td>{one.own.questions > 0 ? `${number(one.own.mrr10, 3)}${one.before ? ` (${number(one.before.mrr10, 3)})` : ''}` : '–'}</td>
                  <td>{one.own.questions > 0 ? `${number(one.own.wrong_pct, 1)}%${one.before ? ` (${number(one.before.wrong_pct, 1)}%)` : ''}` : '–'}</td>
                  <td>{one.own.questions > 0 ? `${number(one.own.answered_pct, 1)}%${one.before ? ` (${number(one.before.answered_pct, 1)}%)` : ''}` : '–'}</td>
                  <td>
                    {one.active ? <span className="tag tag-good">{t('kb.inUse')}</span> : one.reason ? <span className="tag tag-poor" title={one.reason}>{t('kb.refused')}</span> : t('kb.replaced')}{' '}
                    {admin && !one.active && one.embed === progress.model && (
                      <Button size="small" loading={activate.isPending && activate.variables === one.id} onClick={() => activate.mutate(one.id)}>
                        {t('assist.health.activate')}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="muted">{t('kb.replayNote')}</p>
        </div>
      )}
      <IntentGate lang={of.lang} admin={admin} />
    </section>
  );
}

/** ThresholdsPage shows how sure an answer has to be in each language, and why. */
export function ThresholdsPage() {
  const { t } = useTranslation();
  const { data: who } = useSuspenseQuery(session);
  const { data, error, refetch } = useQuery({ ...judgements, enabled: may(who?.user.role, 'articles') });
  return (
    <div className="page">
      <Title>{t('kb.thresholds')}</Title>
      <div className="page-head kb-head">
        <Link to="/kb" aria-label={t('kb.back')} title={t('kb.back')} className="round">
          <Icon name="back" />
        </Link>
        <h1>{t('kb.thresholds')}</h1>
      </div>
      {!may(who?.user.role, 'articles') && <Empty icon="lock" title={t('kb.forbidden')} />}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {may(who?.user.role, 'articles') && !data && !error && <Waiting rows={8} />}
      <div className="kb-languages">
        {data?.map((one) => (
          <Language key={`${one.lang} ${one.shift.answer} ${one.shift.clarify}`} of={one} admin={may(who?.user.role, 'users')} />
        ))}
      </div>
    </div>
  );
}
