import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Segmented } from 'antd';
import { useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallDetail, Reading, Utterance } from '../api/model';
import { lost } from '../api/problem';
import { call as callOf, emotion as emotionOf, session, transcript as transcriptOf } from '../api/queries';
import { marks as marksOf, useLimits, type Mark } from '../call/mood';
import { Playback } from '../call/playback';
import { clock } from '../i18n/format';
import { CallFacts, CallTitle, Legs } from '../parts/CallFacts';
import { CallMood } from '../parts/CallMood';
import { Finder } from '../parts/Finder';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Player } from '../parts/Player';
import { Ribbon } from '../parts/Ribbon';
import { Transcript } from '../parts/Transcript';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { typing } from '../shell/keys';
import './call.css';

/** usePlayback opens the recording while the page is there. */
function usePlayback(url: string | undefined, duration: number): Playback | null {
  const [playback, setPlayback] = useState<Playback | null>(null);
  useEffect(() => {
    if (!url) return;
    const made = new Playback(url, duration);
    setPlayback(made);
    return () => {
      made.close();
      setPlayback(null);
    };
  }, [url, duration]);
  return playback;
}

function usePlayerKeys(playback: Playback | null, starts: readonly number[], leave: () => void): void {
  useEffect(() => {
    const utterance = (step: 1 | -1) => {
      if (!playback) return;
      const at = playback.position();
      // Going back from the first moments of an utterance means the one before.
      const to = step > 0 ? starts.find((s) => s > at + 50) : starts.findLast((s) => s < at - 800);
      if (to !== undefined) playback.seek(to);
    };
    const keys: Record<string, () => void> = {
      Space: () => playback?.toggle(),
      ArrowLeft: () => playback?.skip(-5000),
      ArrowRight: () => playback?.skip(5000),
      KeyJ: () => utterance(1),
      KeyK: () => utterance(-1),
      Escape: leave,
    };
    const onKey = (event: KeyboardEvent) => {
      const key = keys[event.code];
      if (!key || typing(event)) return;
      // A focused button keeps its own space bar.
      if (event.code === 'Space' && event.target instanceof HTMLElement && event.target.closest('button, a')) return;
      event.preventDefault();
      key();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [playback, starts, leave]);
}

/** write puts text on the clipboard, also where the page is not served over TLS. */
async function write(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without TLS
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('copy refused');
}

function Copy({ items, raw }: { items: readonly Utterance[]; raw: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const copy = () => {
    const lines = items.filter((u) => !u.gap).map((u) => `[${clock(u.start_ms)}] ${t('live.said', { who: t(`side.${u.side}`), text: raw ? u.raw : u.text })}`);
    write(lines.join('\n')).then(
      () => void message.success(t('call.copied')),
      () => void message.error(t('call.copyFailed')),
    );
  };
  return (
    <button type="button" className="round" aria-label={t('call.copy')} title={t('call.copy')} onClick={copy}>
      <Icon name="copy" />
    </button>
  );
}

function NoPlayer({ children }: { children: ReactNode }) {
  return <p className="card call-note">{children}</p>;
}

/** Sound is the player, or why there is none. */
function Sound({ call, playback, allowed, marks }: { call: CallDetail; playback: Playback | null; allowed: boolean; marks: readonly Mark[] }) {
  const { t } = useTranslation();
  if (call.state !== 'ended') {
    return (
      <NoPlayer>
        {t('call.running')} {t('call.recordingRunning')}{' '}
        <Link to="/live/$callId" params={{ callId: call.id }}>
          {t('call.watch')}
        </Link>
      </NoPlayer>
    );
  }
  if (!call.has_recording || !call.recording) return <NoPlayer>{t('call.noRecording')}</NoPlayer>;
  if (!allowed) return <NoPlayer>{t('call.recordingForbidden')}</NoPlayer>;
  return playback && <Player id={call.id} playback={playback} duration={call.recording.duration_ms} url={call.recording.url} marks={marks} />;
}

function Talk({ call, items, playback, readings }: { call: CallDetail; items: Utterance[]; playback: Playback | null; readings: readonly Reading[] }) {
  const { t } = useTranslation();
  const { q } = useSearch({ from: '/shell/calls/$callId' });
  const [raw, setRaw] = useState(false);
  const box: RefObject<HTMLOListElement | null> = useRef(null);
  const drawn = useMemo(() => ({ items, raw }), [items, raw]);
  const deferred = Object.values(call.transcription).includes('deferred');
  const go = (ms: number) => {
    playback?.play(ms);
    const lines = [...(box.current?.querySelectorAll<HTMLElement>('.line-caller') ?? [])];
    lines.findLast((line) => Number(line.dataset.start) <= ms + 200)?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  };
  return (
    <section className="card" aria-labelledby="transcript-title">
      <div className="card-head talk-head">
        <h2 id="transcript-title">{t('call.transcript')}</h2>
        <Finder box={box} drawn={drawn} start={q ?? ''} />
        <Segmented
          size="small"
          value={raw ? 'raw' : 'formatted'}
          options={[
            { value: 'formatted', label: t('call.formatted') },
            { value: 'raw', label: t('call.raw') },
          ]}
          onChange={(value) => setRaw(value === 'raw')}
        />
        <Copy items={items} raw={raw} />
      </div>
      <Ribbon readings={readings} go={go} hint={t(playback ? 'mood.ribbonHear' : 'mood.ribbonLive')} />
      {deferred && <p className="call-note">{t('call.deferred')}</p>}
      {items.length === 0 && !deferred && <Empty icon="words" title={t('call.noWords')} />}
      {items.length > 0 && <Transcript items={items} raw={raw} playback={playback} box={box} />}
    </section>
  );
}

const nothing: Utterance[] = [];
const noReadings: Reading[] = [];

/** CallPage is one call of the archive: its facts, its sound, its words. */
export function CallPage() {
  const { callId } = useParams({ from: '/shell/calls/$callId' });
  const { q } = useSearch({ from: '/shell/calls/$callId' });
  const navigate = useNavigate();
  const { data: who } = useSuspenseQuery(session);
  const allowed = may(who?.user.role, 'recordings');
  // A call that runs, or waits for its words, is asked again.
  const detail = useQuery({
    ...callOf(callId),
    refetchInterval: ({ state }) => (state.data && (state.data.state !== 'ended' || Object.values(state.data.transcription).includes('deferred')) ? 5000 : false),
  });
  const call = detail.data;
  const unfinished = !!call && (call.state !== 'ended' || Object.values(call.transcription).includes('deferred'));
  const words = useQuery({ ...transcriptOf(callId), refetchInterval: unfinished ? 5000 : false });
  const items = words.data ?? nothing;
  const emotion = useQuery({ ...emotionOf(callId), enabled: !!call, refetchInterval: unfinished ? 5000 : false });
  const readings = emotion.data?.readings ?? noReadings;
  const length = call?.recording?.duration_ms ?? 0;
  const limits = useLimits();
  const over = useMemo(() => marksOf(readings, emotion.data?.alerts ?? [], length, limits), [readings, emotion.data, length, limits]);
  const starts = useMemo(() => [...new Set(items.filter((u) => !u.gap).map((u) => u.start_ms))].sort((a, b) => a - b), [items]);
  const url = call?.state === 'ended' && allowed ? call.recording?.url : undefined;
  const playback = usePlayback(url, call?.recording?.duration_ms ?? 0);
  const leave = useMemo(() => () => void navigate({ to: '/calls', search: q ? { q } : {} }), [navigate, q]);
  usePlayerKeys(playback, starts, leave);

  if (lost(detail.error, detail.data)) return <div className="page"><Failed error={detail.error} retry={() => void detail.refetch()} /></div>;
  if (!call) return <div className="page"><Waiting rows={8} /></div>;
  return (
    <div className="page call-page">
      <CallTitle call={call} q={q} />
      <div className="call-columns">
        <div className="call-main">
          <div className="call-sound">
            <Sound call={call} playback={playback} allowed={allowed} marks={over} />
          </div>
          {lost(words.error, words.data) ? <Failed error={words.error} retry={() => void words.refetch()} /> : words.isPending ? <Waiting /> : <Talk call={call} items={items} playback={playback} readings={readings} />}
        </div>
        <aside className="call-side">
          {emotion.data && <CallMood id={call.id} number={allowed ? call.from : null} emotion={emotion.data} playback={playback} />}
          <CallFacts call={call} />
          <Legs legs={call.legs ?? []} />
        </aside>
      </div>
    </div>
  );
}
