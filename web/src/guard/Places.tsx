import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { placesOf, type SignedIn } from './api';

const systems: readonly [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];
const browsers: readonly [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

/** shortName says what a browser calls itself in two words. */
export function shortName(agent: string): string {
  const of = (list: readonly [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  return [of(browsers), of(systems)].filter(Boolean).join(' · ') || agent.slice(0, 40);
}

function Place({ of, onEnd, pending }: { of: SignedIn; onEnd?: () => void; pending: boolean }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  return (
    <li className="guard-row">
      <span className="guard-main">
        <strong title={of.browser}>{shortName(of.browser) || t('guard.unknownBrowser')}</strong> <span className="muted">{of.address}</span>
      </span>
      <span className="guard-facts muted">
        <span>{t('guard.began', { time: dateTime(of.created_at) })}</span>
        <span>{t('guard.seen', { time: dateTime(of.seen_at) })}</span>
        {of.outside && <span>{t('guard.outside')}</span>}
        {of.locked && <span>{t('guard.locked')}</span>}
      </span>
      {of.here ? (
        <span className="tag tag-good">{t('guard.here')}</span>
      ) : (
        onEnd && (
          <Button size="small" loading={pending} onClick={onEnd} aria-label={`${t('guard.end')}: ${shortName(of.browser)} ${of.address}`}>
            {t('guard.end')}
          </Button>
        )
      )}
    </li>
  );
}

/** Places are where one is signed in, or where a user is for administrators. */
export function Places({ user }: { user?: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(placesOf(user));
  const end = useMutation({
    mutationFn: (id: string) => request(`/sessions/${id}`, { method: 'DELETE' }),
    onError: (problem) => void message.error(t(problemKey(problem))),
    onSettled: () => client.invalidateQueries({ queryKey: ['guard', 'places'] }),
  });
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={2} />;
  return (
    <ul>
      {data.map((place) => (
        <Place key={place.id} of={place} pending={end.isPending && end.variables === place.id} onEnd={user ? undefined : () => end.mutate(place.id)} />
      ))}
      {data.length === 0 && <li className="guard-row muted">{t('guard.nowhere')}</li>}
    </ul>
  );
}

/** OwnPlaces is the card of one's own. */
export function OwnPlaces() {
  const { t } = useTranslation();
  return (
    <section className="card guard-card">
      <div className="guard-head">
        <div>
          <h2>{t('guard.places')}</h2>
          <p className="muted">{t('guard.placesHint')}</p>
        </div>
      </div>
      <Places />
    </section>
  );
}

/** UserLogins is what administrators do about one user's logins. */
export function UserLogins({ user }: { user: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (what: 'sessions' | 'second-factor') => request(`/users/${user}/${what}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('guard.done')),
    onError: (problem) => void message.error(t(problemKey(problem))),
    onSettled: () => client.invalidateQueries({ queryKey: ['guard', 'places'] }),
  });
  return (
    <div className="guard-user">
      <h3>{t('guard.places')}</h3>
      <Places user={user} />
      <div className="guard-acts">
        <Button size="small" loading={act.isPending} onClick={() => act.mutate('sessions')}>
          {t('guard.endAll')}
        </Button>
        <Button size="small" loading={act.isPending} onClick={() => act.mutate('second-factor')}>
          {t('guard.dropFactor')}
        </Button>
      </div>
    </div>
  );
}
