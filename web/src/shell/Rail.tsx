import { Link, useNavigate, useRouterState } from '@tanstack/react-router';
import type { MenuProps } from 'antd';
import { useMemo, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../api/model';
import { useNarrow } from '../call/hooks';
import { Icon } from '../parts/Icon';
import { Dropdown } from '../parts/hung';
import { letter, placesOf, type Path, type Place } from './nav';
import './rail.css';

/** What waits behind an entry, as a number beside it. */
export type Counts = Partial<Record<Path, number>>;

// How many entries the bottom bar of a narrow screen holds beside its menu.
const atHand = 4;

const moves: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** walk moves the focus along the entries by arrow keys, Home and End. */
function walk(event: KeyboardEvent<HTMLElement>) {
  const move = moves[event.key];
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('a')];
  const at = links.findIndex((link) => link === document.activeElement);
  if (!move || at < 0) return;
  event.preventDefault();
  links[move(at, links.length)]?.focus();
}

function Count({ count }: { count: number | undefined }) {
  return count ? <span className="nav-count num">{count > 99 ? '99+' : count}</span> : null;
}

function Entry({ place, first, count }: { place: Place; first: boolean; count: number | undefined }) {
  const { t } = useTranslation();
  const words = t(`nav.${place.key}`);
  return (
    <Link
      to={place.path}
      className={`nav-link ${first ? 'nav-first' : ''}`}
      activeProps={{ className: 'nav-here' }}
      title={'jump' in place ? `${words} (G ${letter(place.jump)})` : words}
    >
      <Icon name={place.icon} size={20} />
      <span className="nav-words">{words}</span>
      <Count count={count} />
    </Link>
  );
}

/** More is the menu of what has no room in the bottom bar. */
function More({ places, counts }: { places: readonly Place[]; counts: Counts }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const here = useRouterState({ select: (state) => state.location.pathname });
  const current = places.find((place) => here.startsWith(place.path));
  const waiting = places.reduce((sum, place) => sum + (counts[place.path] ?? 0), 0);
  const items = useMemo<MenuProps['items']>(
    () =>
      places.flatMap((place, i) => [
        ...(i > 0 && places[i - 1]?.group !== place.group ? [{ type: 'divider' as const }] : []),
        { key: place.path, icon: <Icon name={place.icon} size={18} />, label: t(`nav.${place.key}`), extra: <Count count={counts[place.path]} />, onClick: () => void navigate({ to: place.path }) },
      ]),
    [places, counts, navigate, t],
  );
  return (
    <Dropdown trigger={['click']} placement="topRight" menu={{ items, selectedKeys: current ? [current.path] : [] }}>
      <button type="button" className={`nav-link nav-more ${current ? 'nav-here' : ''}`} aria-label={current ? `${t(`nav.${current.key}`)}, ${t('nav.more')}` : t('nav.more')}>
        <Icon name={current?.icon ?? 'more'} size={20} />
        <span className="nav-words">{current ? t(`nav.${current.key}`) : t('nav.more')}</span>
        <Count count={waiting} />
      </button>
    </Dropdown>
  );
}

/** Rail is the way to all pages: at the left, on a narrow screen at the bottom. */
export function Rail({ role, counts }: { role: Role; counts: Counts }) {
  const { t } = useTranslation();
  const narrow = useNarrow();
  const places = placesOf(role);
  // A menu for one entry would be a click for nothing.
  const shown = narrow && places.length > atHand + 1 ? places.slice(0, atHand) : places;
  return (
    <nav aria-label={t('nav.main')} className="nav" onKeyDown={walk}>
      {shown.map((place, i) => (
        <Entry key={place.path} place={place} count={counts[place.path]} first={i > 0 && shown[i - 1]?.group !== place.group} />
      ))}
      {shown.length < places.length && <More places={places.slice(shown.length)} counts={counts} />}
    </nav>
  );
}
