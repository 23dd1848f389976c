import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { sides, type CallDetail, type Leg } from '../api/model';
import { clock, size, useFormat } from '../i18n/format';
import { Duration, QualityDot, SideName, StateTag, who } from './facts';
import { Icon } from './Icon';
import { Title } from './Title';

/** CallTitle names the call and leads back. */
export function CallTitle({ call, q }: { call: CallDetail; q: string | undefined }) {
  const { t } = useTranslation();
  const { moment } = useFormat();
  const title = who(call, t('live.unknown'));
  return (
    <div className="page-head call-title">
      <Title>{title}</Title>
      <Link to="/calls" search={q ? { q } : {}} className="round" aria-label={t('call.back')} title={t('call.back')}>
        <Icon name="back" />
      </Link>
      <h1>{title}</h1>
      <QualityDot quality={call.quality} />
      <span className="muted num call-numbers">
        {call.from !== title && call.from} <Icon name={call.direction === 'out' ? 'out' : 'in'} size={14} />
        <span className="hidden">{t(`direction.${call.direction}`)}</span> {call.to !== title && call.to}
      </span>
      <span className="muted num">{moment(call.started_at)}</span>
      <span className="call-length">
        <Duration call={call} />
      </span>
      <StateTag call={call} />
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function languageName(tag: string, inLanguage: string, none: string): string {
  if (!tag) return none;
  try {
    return new Intl.DisplayNames([inLanguage], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

export function CallFacts({ call }: { call: CallDetail }) {
  const { t, i18n } = useTranslation();
  const { moment } = useFormat();
  const none = t('call.none');
  const answered = call.answered_at ? clock(Date.parse(call.answered_at) - Date.parse(call.started_at)) : t('call.notAnswered');
  const data = Object.entries(call.data);
  return (
    <section className="card facts" aria-label={t('call.facts')}>
      <dl>
        <Fact name={t('call.started')}>
          <span className="num">{moment(call.started_at)}</span>
        </Fact>
        <Fact name={t('call.answered')}>
          <span className="num">{answered}</span>
        </Fact>
        <Fact name={t('call.trunk')}>{call.trunk || none}</Fact>
        <Fact name={t('call.route')}>{call.route || none}</Fact>
        <Fact name={t('call.language')}>{languageName(call.language, i18n.language, none)}</Fact>
        <Fact name={t('consent.label')}>{t(`consent.${call.consent || 'none'}`)}</Fact>
        {sides.map((side) => (
          <Fact key={side} name={t(`side.${side}`)}>
            {t(`transcription.${call.transcription[side] ?? 'off'}`)}
          </Fact>
        ))}
        {call.recording && (
          <Fact name={t('call.bytes')}>
            <span className="num">{size(call.recording.bytes)}</span>
          </Fact>
        )}
      </dl>
      {data.length > 0 && (
        <>
          <h2>{t('call.data')}</h2>
          <dl>
            {data.map(([name, value]) => (
              <Fact key={name} name={name}>
                {typeof value === 'string' ? value : JSON.stringify(value)}
              </Fact>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

function LegCard({ leg }: { leg: Leg }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  return (
    <li className="leg">
      <div className="leg-head">
        <QualityDot quality={leg} rtt={leg.rtt_ms} />
        <SideName side={leg.side} />
        <span className="leg-peer num">{leg.peer}</span>
      </div>
      <p className="leg-tags">
        <span className="tag">{leg.codec}</span>
        <span className="tag">{leg.transport.toUpperCase()}</span>
        <span className={leg.secure ? 'tag tag-good' : 'tag'}>{t(leg.secure ? 'call.secure' : 'call.plain')}</span>
      </p>
      <dl>
        <Fact name="MOS">
          <span className="num">{leg.mos > 0 ? number(leg.mos, 2) : '–'}</span>
        </Fact>
        <Fact name={t('call.lost')}>
          <span className="num">
            {number(leg.lost)} ({number(leg.loss_pct, 2)}%)
          </span>
        </Fact>
        <Fact name={t('call.packets')}>
          <span className="num">
            {number(leg.packets_in)} / {number(leg.packets_out)}
          </span>
        </Fact>
      </dl>
      <p className="muted num leg-line">
        {t('quality.jitter', { value: number(leg.jitter_ms, 1) })} · {t('quality.rtt', { value: number(leg.rtt_ms, 1) })}
      </p>
    </li>
  );
}

/** Legs is every party's media path with its quality. */
export function Legs({ legs }: { legs: Leg[] }) {
  const { t } = useTranslation();
  if (legs.length === 0) return null;
  return (
    <section className="card facts" aria-labelledby="legs-title">
      <h2 id="legs-title">{t('call.legs')}</h2>
      <ul>
        {legs.map((leg) => (
          <LegCard key={leg.n} leg={leg} />
        ))}
      </ul>
    </section>
  );
}
