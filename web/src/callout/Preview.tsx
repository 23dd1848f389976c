import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { clock } from '../i18n/format';
import { Icon } from '../parts/Icon';
import type { Preview as Shown } from './api';
import './preview.css';

/** Preview is why somebody is to be called, before and while one calls; who it is stands in the bar beneath. */
export function Preview({ preview, now }: { preview: Shown; now: number }) {
  const { t } = useTranslation();
  const { note, data, said, list_name: list, list_note: about, tries, of, outcome } = preview;
  const waited = clock(Math.max(0, now - Date.parse(preview.since)));
  const facts = Object.entries(data ?? {});
  return (
    <section className="preview" aria-label={t('callout.preview')}>
      <p className="preview-head">
        <Icon name={preview.entry ? 'out' : 'phone'} size={16} />
        {list ? <span className="tag">{list}</span> : <span className="muted num">{t('callout.askedAgo', { time: waited })}</span>}
        {tries > 0 && (
          <span className="muted">
            {of ? t('callout.tryOf', { n: tries + 1, of }) : t('callout.triedBefore', { count: tries })}
            {outcome && `, ${t('callout.lastTime', { outcome: t(`callout.outcomes.${outcome}`, t(`callout.reasons.${outcome}`, outcome)) })}`}
          </span>
        )}
        <span className="preview-links">
          {preview.contact ? (
            <Link to="/contacts/$contactId" params={{ contactId: String(preview.contact) }} target="_blank">
              {t('callout.person')}
            </Link>
          ) : null}
          {preview.call && (
            <Link to="/calls/$callId" params={{ callId: preview.call }} target="_blank">
              {t('callout.earlier')}
            </Link>
          )}
        </span>
      </p>
      {note && <p className="preview-note">{note}</p>}
      {facts.length > 0 && (
        <dl className="preview-facts">
          {facts.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {said.length > 0 && (
        <ul className="preview-said" aria-label={t('callout.said')}>
          {said.map((words, i) => (
            <li key={i}>{t('callout.quote', { words })}</li>
          ))}
        </ul>
      )}
      {about && <p className="muted preview-about">{about}</p>}
    </section>
  );
}
