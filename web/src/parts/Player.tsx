import { useQuery } from '@tanstack/react-query';
import { Select } from 'antd';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import WaveSurfer from 'wavesurfer.js';
import type { Peaks } from '../api/model';
import { peaks as peaksOf } from '../api/queries';
import type { Mark } from '../call/mood';
import { speeds, type Playback } from '../call/playback';
import { clock } from '../i18n/format';
import { useTheme } from '../theme/theme';
import { Icon } from './Icon';
import './mood.css';
import './player.css';

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** stretch makes quiet calls visible, up to six times. */
function stretch(peaks: Peaks): number {
  const loudest = Math.max(...peaks.left, ...peaks.right);
  return loudest > 0 ? Math.min(6, 0.95 / loudest) : 1;
}

/** Waveform draws the caller above and our side below from the server's figures; a click goes there. */
function Waveform({ playback, peaks }: { playback: Playback; peaks: Peaks }) {
  const { t } = useTranslation();
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const container = box.current;
    if (!container) return;
    const side = (name: string) => ({ waveColor: colour(`--${name}-wave`), progressColor: colour(`--${name}`) });
    const wave = WaveSurfer.create({
      container,
      media: playback.audio,
      peaks: [peaks.left, peaks.right],
      duration: peaks.duration_ms / 1000,
      height: 44,
      barHeight: stretch(peaks),
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      cursorColor: colour('--ink'),
      cursorWidth: 1,
      splitChannels: [side('caller'), side('agent')],
    });
    wave.on('interaction', (seconds) => playback.seek(seconds * 1000));
    // The media element says nothing of where it will begin before it has loaded.
    let stop = () => false;
    wave.once('ready', () => {
      stop = playback.onTime((ms) => playback.audio.readyState < HTMLMediaElement.HAVE_METADATA && wave.setTime(ms / 1000));
      wave.setTime(playback.position() / 1000);
    });
    return () => {
      stop();
      wave.destroy();
    };
    // The theme's colours are read anew when it changes.
  }, [playback, peaks, theme]);
  return <div ref={box} className="waveform" role="img" aria-label={t('player.waveform')} />;
}

/** Marks lie over the waveform where the caller was tense or angry, and where there was an alert. */
function Marks({ marks, playback }: { marks: readonly Mark[]; playback: Playback }) {
  const { t } = useTranslation();
  return (
    <div className="marks">
      {marks.map((mark) => {
        const words = `${clock(mark.start)} ${t(mark.alert ? 'mood.alert' : `mood.${mark.look}`)}`;
        return (
          <button
            key={mark.key}
            type="button"
            className={`mood-mark mood-mark-${mark.look}${mark.alert ? ' mood-mark-alert' : ''}`}
            style={{ left: `${mark.from * 100}%`, ...(mark.alert ? {} : { width: `${(mark.to - mark.from) * 100}%` }) }}
            title={words}
            aria-label={`${t('call.hear')} ${words}`}
            onClick={() => playback.play(mark.start)}
          />
        );
      })}
    </div>
  );
}

const noMarks: readonly Mark[] = [];

/** Position is the time, and the bar that keyboards and fingers can move. */
function Position({ playback, duration }: { playback: Playback; duration: number }) {
  const { t } = useTranslation();
  const [at, setAt] = useState(0);
  useEffect(() => {
    const stop = playback.onTime((ms) => setAt(Math.floor(ms / 100) * 100));
    return () => void stop();
  }, [playback]);
  return (
    <>
      <span className="num player-time">
        {clock(at)} <span className="muted">/ {clock(duration)}</span>
      </span>
      <input
        type="range"
        className="player-bar"
        style={{ '--part': `${duration > 0 ? (Math.min(at, duration) / duration) * 100 : 0}%` } as React.CSSProperties}
        min={0}
        max={Math.max(duration, 1)}
        step={100}
        value={Math.min(at, duration)}
        aria-label={t('player.position')}
        aria-valuetext={clock(at)}
        onChange={(event) => playback.seek(Number(event.target.value))}
      />
    </>
  );
}

function Buttons({ playback }: { playback: Playback }) {
  const { t } = useTranslation();
  const { playing } = useSyncExternalStore(playback.subscribe, playback.get);
  return (
    <div className="player-buttons">
      <button type="button" className="round" aria-label={t('player.back')} title={t('player.back')} onClick={() => playback.skip(-5000)}>
        <Icon name="rewind" />
      </button>
      <button type="button" className="player-play" aria-label={t(playing ? 'player.pause' : 'player.play')} onClick={() => playback.toggle()}>
        <Icon name={playing ? 'pause' : 'play'} size={20} />
      </button>
      <button type="button" className="round" aria-label={t('player.forward')} title={t('player.forward')} onClick={() => playback.skip(5000)}>
        <Icon name="ahead" />
      </button>
    </div>
  );
}

/** Player plays the stereo recording of a call. */
export function Player({ id, playback, duration, url, marks = noMarks }: { id: string; playback: Playback; duration: number; url: string; marks?: readonly Mark[] }) {
  const { t } = useTranslation();
  const { rate, failed } = useSyncExternalStore(playback.subscribe, playback.get);
  const { data } = useQuery(peaksOf(id));
  return (
    <section className="card player" aria-label={t('player.label')}>
      <div className="marked">
        {data && data.left.length > 0 ? <Waveform playback={playback} peaks={data} /> : <div className="waveform waveform-empty" />}
        <Marks marks={marks} playback={playback} />
      </div>
      {failed && (
        <p className="player-failed" role="alert">
          {t('player.failed')}
        </p>
      )}
      <div className="player-row">
        <Buttons playback={playback} />
        <Position playback={playback} duration={duration} />
        <Select
          className="player-speed"
          size="small"
          variant="borderless"
          aria-label={t('player.speed')}
          value={rate}
          options={speeds.map((value) => ({ value, label: `${value}×` }))}
          onChange={(value: number) => playback.setRate(value)}
        />
        <a className="round" href={url} download={`${id}.wav`} aria-label={t('call.download')} title={t('call.download')}>
          <Icon name="download" />
        </a>
      </div>
    </section>
  );
}
