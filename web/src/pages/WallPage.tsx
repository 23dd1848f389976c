import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Wall, WallQueue } from '../admin/kinds';
import { openWall } from '../api/wall';
import { clock, useFormat } from '../i18n/format';
import { Title } from '../parts/Title';
import './wall.css';

const old = 3; // s after which the figures count as old
const perPage = 2; // queues on the screen at once: 6 tiles and 2 of agents
const turn = 12_000; // ms that a page stays

interface Known {
  wall?: Wall;
  /** When that came. */
  at: number;
  refused: boolean;
}

/** useWall follows the figures: by the token in the address, else by login. */
function useWall(token: string): Known {
  const [known, setKnown] = useState<Known>({ at: 0, refused: false });
  useEffect(
    () =>
      openWall(
        token,
        (wall) => setKnown({ wall, at: Date.now(), refused: false }),
        () => setKnown({ at: 0, refused: true }),
      ),
    [token],
  );
  return known;
}

function useTick(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Tile({ name, value, small, breach }: { name: string; value: string; small?: string; breach?: boolean }) {
  return (
    <li className={breach ? 'wall-tile wall-breach' : 'wall-tile'}>
      <span className="wall-name">{name}</span>
      <strong className={value.length > 5 ? 'wall-value wall-long num' : 'wall-value num'}>{value}</strong>
      <span className="wall-small">{small}</span>
    </li>
  );
}

function QueueTiles({ queue, age }: { queue: WallQueue; age: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const oldest = queue.waiting > 0 ? queue.oldest_ms + age : 0;
  return (
    <section className={queue.alert ? `wall-queue wall-${queue.alert}` : 'wall-queue'}>
      <h2>
        {queue.name || queue.id}
        {queue.alert && <span className="wall-alert">{t(`admin.severity.${queue.alert}`)}</span>}
      </h2>
      <ul>
        <Tile name={t('queues.waiting')} value={number(queue.waiting)} small={queue.estimate_ms < 0 ? t('wall.nobody') : t('wall.estimate', { time: clock(queue.estimate_ms) })} breach={queue.waiting > 0 && queue.agents === 0} />
        <Tile name={t('queues.oldest')} value={queue.waiting > 0 ? clock(oldest) : '–'} small={t('wall.promise', { time: clock(queue.promise_ms) })} breach={oldest > queue.promise_ms} />
        <Tile name={t('queues.level')} value={queue.level < 0 ? '–' : t('unit.percent', { value: number(queue.level) })} small={t('wall.answered', { answered: number(queue.answered_today), abandoned: number(queue.abandoned_today) })} breach={queue.level >= 0 && queue.level < queue.promise_percent} />
      </ul>
    </section>
  );
}

/** WallPage is the board on the wall: big figures, colour only where a promise is broken. */
export function WallPage() {
  const { t } = useTranslation();
  const { number } = useFormat();
  const [token] = useState(() => window.location.hash.slice(1));
  const { wall: data, at, refused } = useWall(token);
  const now = useTick();
  const [opened] = useState(Date.now);
  const age = now - (data ? at : opened);
  const seconds = Math.floor(age / 1000);
  const queues = data?.queues ?? [];
  const pages = Math.max(1, Math.ceil(queues.length / perPage));
  const page = Math.floor(now / turn) % pages;
  const shown = queues.slice(page * perPage, page * perPage + perPage);
  const agents = data?.agents;
  return (
    <main className="wall">
      <Title>{t('wall.title')}</Title>
      <header>
        <h1>{data?.name ?? t('wall.title')}</h1>
        {pages > 1 && (
          <span className="num">
            {page + 1} / {pages}
          </span>
        )}
        <span className={seconds >= old ? 'wall-age wall-old num' : 'wall-age num'} role="status">
          {refused ? t('wall.refused') : data ? t('wall.age', { seconds: Math.max(0, seconds) }) : t('wall.none')}
        </span>
      </header>
      {refused && (
        <p className="wall-refused">
          {t('wall.refusedHint')} {!token && <a href="/login?next=%2Fwall">{t('wall.login')}</a>}
        </p>
      )}
      {data && !refused && (
        <div className={shown.length > 1 ? 'wall-body' : 'wall-body wall-single'}>
          {shown.map((queue) => (
            <QueueTiles key={queue.id} queue={queue} age={Math.max(0, age)} />
          ))}
          {queues.length === 0 && <p className="wall-refused">{t('queues.none')}</p>}
          {agents && (
            <section className="wall-queue wall-agents">
              <h2>{t('queues.agents')}</h2>
              <ul>
                <Tile name={t('agent.states.available')} value={number(agents.available)} small={agents.free_names.slice(0, 3).join(', ')} />
                <Tile name={t('wall.busy')} value={number(agents.busy)} small={t('wall.others', { wrap: number(agents.wrap_up), away: number(agents.away) })} />
              </ul>
            </section>
          )}
        </div>
      )}
    </main>
  );
}
