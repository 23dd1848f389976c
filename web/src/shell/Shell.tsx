import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Outlet, useNavigate } from '@tanstack/react-router';
import { ConfigProvider } from 'antd';
import enUS from 'antd/es/locale/en_US';
import zhCN from 'antd/es/locale/zh_CN';
import dayjs from 'dayjs';
import 'dayjs/locale/zh-cn';
import { Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Feed, feedAddress } from '../api/feed';
import { request } from '../api/client';
import type { Role } from '../api/model';
import { desk, liveCalls, readingsOf, session, transcriptOf } from '../api/queries';
import { RealtimeContext, useFloor, useNarrow, type Realtime } from '../call/hooks';
import { Floor, Threads } from '../call/store';
// Styles of parts that come later: their place is before those of the pages.
import '../parts/queuealerts.css';
import '../parts/supervise.css';
import '../phone/phone.css';
import { later } from '../parts/later';
import { Messages } from '../parts/messages';
import { PhoneProvider } from '../phone/hooks';
import { setLanguage } from '../i18n';
import { OutboxProvider } from '../inbox/hooks';
import { Gate } from '../guard/Gate';
import { antdTheme } from '../theme/antd';
import { setTheme, useTheme } from '../theme/theme';
import { useActions, type Action } from './actions';
import { giveBackFocus } from './focusback';
import { Header } from './Header';
import { useGlobalKeys } from './keys';
import { LinkBanner } from './LinkBanner';
import { letter, placesOf } from './nav';
import { hears, may, works } from './roles';
import { Rail, type Counts } from './Rail';
import '../parts/facts.css';
import './shell.css';

const CallBar = later(() => import('../phone/CallBar').then((bar) => ({ default: bar.CallBar })));
const QueueAlertNotice = later(() => import('../parts/QueueAlertNotice'));
const WrapUpDock = later(() => import('../phone/WrapUp').then((wrap) => ({ default: wrap.WrapUpDock })));
const Palette = later(() => import('./Palette'));
const KeyHelp = later(() => import('./KeyHelp'));
const MustEnrol = later(() => import('../guard/MustEnrol'));

const snapshots = { live: () => liveCalls(), transcript: (id: string) => transcriptOf(id), readings: (id: string) => readingsOf(id) };

// One connection per tab, opened with the first page behind the login.
function connect(onTrouble: () => void, live: boolean, suffix: string): Realtime {
  const feed = new Feed(feedAddress(window.location), onTrouble, live, suffix);
  return { feed, floor: new Floor(feed, snapshots), threads: new Threads(feed, snapshots) };
}

/**
 * useConnection opens the feed. A WebSocket doesn't say why it was refused: when
 * it is in trouble, a request finds out whether the session still stands, at most
 * every 10 s.
 */
function useConnection(live: boolean, suffix: string): Realtime | null {
  const [realtime, setRealtime] = useState<Realtime | null>(null);
  useEffect(() => {
    let probed = 0;
    const made = connect(() => {
      if (Date.now() - probed < 10_000) return;
      probed = Date.now();
      request('/session').catch(() => undefined);
    }, live, suffix);
    setRealtime(made);
    return () => made.feed.close();
  }, [live, suffix]);
  return realtime;
}

/** useCounts are the numbers beside the entries of the navigation. */
function useCounts(): Counts {
  // Followed here so that the list and the load curve are there when a page wants them.
  const { calls } = useFloor();
  return useMemo(() => {
    const running = calls.filter((call) => call.state !== 'ended');
    return { '/live': running.length, '/mood': running.filter((call) => call.alert).length };
  }, [calls]);
}

/** usePlaces puts into the palette where one can go, and how the pages look. */
function usePlaces(role: Role | undefined, onHelp: () => void): void {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const theme = useTheme();
  useActions(
    useMemo<Action[]>(
      () => [
        ...(role ? placesOf(role) : []).map((place): Action => ({ id: place.path, group: 'go', icon: place.icon, label: t(`nav.${place.key}`), keys: ['G', letter(place.jump)], run: () => void navigate({ to: place.path }) })),
        { id: 'theme', group: 'view', icon: theme === 'dark' ? 'sun' : 'moon', label: t(theme === 'dark' ? 'header.light' : 'header.dark'), run: () => setTheme(theme === 'dark' ? 'light' : 'dark') },
        { id: 'language', group: 'view', icon: 'globe', label: i18n.language === 'zh-CN' ? 'English' : '中文', run: () => void setLanguage(i18n.language === 'zh-CN' ? 'en' : 'zh-CN') },
        { id: 'help', group: 'view', icon: 'keyboard', label: t('keys.title'), keys: ['?'], run: onHelp },
      ],
      [role, navigate, t, i18n.language, theme, onHelp],
    ),
  );
}

function Page() {
  const { t } = useTranslation();
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const { data } = useSuspenseQuery(session);
  const onHelp = useCallback(() => setHelp(true), []);
  const onPalette = useCallback(() => setPalette((on) => !on), []);
  useGlobalKeys(onHelp, onPalette);
  usePlaces(data?.user.role, onHelp);
  useEffect(() => giveBackFocus(document), []);
  // Its form comes when there is something to write.
  const wrapping = useQuery({ ...desk, select: (mine) => mine?.agent?.state === 'wrap_up' }).data;
  const counts = useCounts();

  if (!data) return null;
  const working = works(data.user.role);
  return (
    <PhoneProvider user={data.user} off={!working}>
      <OutboxProvider>
        <div className="shell">
          <a className="skip" href="#content">
            {t('app.skip')}
          </a>
          <Header user={data.user} onHelp={() => setHelp(true)} />
          <Rail role={data.user.role} counts={counts} />
          <LinkBanner />
          <main id="content" tabIndex={-1}>
            <Outlet />
          </main>
          {working && wrapping && (
            <Suspense>
              <WrapUpDock />
            </Suspense>
          )}
          {working && (
            <Suspense>
              <CallBar />
            </Suspense>
          )}
          {may(data.user.role, 'queues') && (
            <Suspense>
              <QueueAlertNotice />
            </Suspense>
          )}
          {help && (
            <Suspense>
              <KeyHelp role={data.user.role} onClose={() => setHelp(false)} />
            </Suspense>
          )}
          {palette && (
            <Suspense>
              <Palette onClose={() => setPalette(false)} />
            </Suspense>
          )}
        </div>
      </OutboxProvider>
    </PhoneProvider>
  );
}

export function Shell() {
  const { i18n } = useTranslation();
  const theme = useTheme();
  const still = useNarrow('(prefers-reduced-motion: reduce)');
  const { data } = useSuspenseQuery(session);
  const realtime = useConnection(!!data && !data.enrol && hears(data.user.role), data?.feed ?? '');
  const chinese = i18n.language === 'zh-CN';
  useEffect(() => {
    dayjs.locale(chinese ? 'zh-cn' : 'en');
  }, [chinese]);

  if (!realtime) return null;
  return (
    <ConfigProvider theme={antdTheme(theme, still)} locale={chinese ? zhCN : enUS} button={{ autoInsertSpace: false }}>
      <Messages>
        <RealtimeContext value={realtime}>
          {data?.enrol ? (
            <Suspense>
              <MustEnrol outside={data.outside} />
            </Suspense>
          ) : (
            data && (
              <Gate of={data}>
                <Page />
              </Gate>
            )
          )}
        </RealtimeContext>
      </Messages>
    </ConfigProvider>
  );
}
