import { useMutation } from '@tanstack/react-query';
import { Input, Segmented } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { useFormat } from '../i18n/format';
import { useSaid } from './ArticlePage';
import type { Candidate, Trial, Verdict } from './queries';

function Weighed({ candidate, mine }: { candidate: Candidate; mine: boolean }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <li className={mine ? 'kb-mine' : undefined}>
      <details>
        <summary>
          <span className="kb-p num">{number(candidate.p, 2)}</span>
          <span className="kb-candidate">{candidate.article.title}</span>
          <span className="kb-meter" aria-hidden="true">
            <i style={{ inlineSize: `${100 * candidate.p}%` }} />
          </span>
        </summary>
        <dl className="kb-features num">
          {candidate.variant && (
            <div className="kb-wide">
              <dt>{t('kb.nearest')}</dt>
              <dd>{candidate.variant}</dd>
            </div>
          )}
          {candidate.passage && (
            <div className="kb-wide">
              <dt>{t('kb.passage')}</dt>
              <dd>{candidate.passage.slice(0, 160)}</dd>
            </div>
          )}
          {Object.entries(candidate.features ?? {}).map(([name, value]) => (
            <div key={name}>
              <dt>{t(`kb.features.${name}`)}</dt>
              <dd>{number(value, 3)}</dd>
            </div>
          ))}
          <div>
            <dt>{t('kb.lift')}</dt>
            <dd>{number(candidate.lift, 2)}</dd>
          </div>
          {candidate.missing && candidate.missing.length > 0 && (
            <div>
              <dt>{t('kb.missing')}</dt>
              <dd>{candidate.missing.join(', ')}</dd>
            </div>
          )}
        </dl>
      </details>
    </li>
  );
}

function Decided({ name, of, id }: { name: string; of: Verdict; id: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const kind = { answer: 'tag-good', clarify: 'tag-ringing', fallback: 'tag-poor' }[of.decision];
  return (
    <section className="kb-decided">
      <h3>
        {name} <span className={`tag ${kind}`}>{t(`kb.decisions.${of.decision}`)}</span>
        {of.rule && (
          <span className="tag tag-active">
            {t(`kb.kinds.${of.rule}`)}: {of.rule_text}
          </span>
        )}
      </h3>
      {of.read && <p className="muted">{t('words.readAs', { text: of.read })}</p>}
      {of.degraded && <p className="kb-degraded">{t(`kb.degraded.${of.degraded}`)}</p>}
      <p className="muted num">
        p₁ {number(of.p1, 2)} · p₂ {number(of.p2, 2)}
        {of.tau_a > 0 && (
          <>
            {' '}
            · p₁₋₃ {number(of.p_any, 2)} · τa {number(of.tau_a, 2)} · τc {number(of.tau_c, 2)} · Δ {number(of.margin, 2)}
          </>
        )}
      </p>
      <ol className="kb-candidates">
        {of.candidates.slice(0, 5).map((candidate) => (
          <Weighed key={candidate.article.id} candidate={candidate} mine={candidate.article.id === id} />
        ))}
      </ol>
    </section>
  );
}

/** TestBox asks a question of what is live and of the saved draft, and shows what was weighed. */
export function TestBox({ id, dirty, live }: { id: number; dirty: boolean; live: boolean }) {
  const { t } = useTranslation();
  const said = useSaid();
  const [question, setQuestion] = useState('');
  const [audience, setAudience] = useState<'public' | 'agent'>('public');
  const ask = useMutation({ mutationFn: () => request<Trial>(`/kb/articles/${id}/try`, { method: 'POST', body: { question, audience } }) });
  return (
    <div className="kb-tool">
      <Segmented size="small" aria-label={t('kb.audience')} value={audience} options={(['public', 'agent'] as const).map((value) => ({ value, label: t(`kb.asks.${value}`) }))} onChange={setAudience} />
      <Input.Search value={question} maxLength={1000} placeholder={t('kb.tryIt')} aria-label={t('kb.tryIt')} enterButton={t('kb.ask')} loading={ask.isPending} onChange={(event) => setQuestion(event.target.value)} onSearch={() => question.trim() && ask.mutate()} />
      {dirty && <p className="muted">{t('kb.testSaved')}</p>}
      {ask.error && <p role="alert">{said(ask.error)}</p>}
      <div aria-live="polite">
        {ask.data && (
          <>
            <Decided name={t('kb.withDraft')} of={ask.data.draft} id={id} />
            <Decided name={live ? t('kb.asLive') : t('kb.withoutThis')} of={ask.data.live} id={id} />
          </>
        )}
      </div>
    </div>
  );
}
