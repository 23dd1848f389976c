import { memo, useEffect, useMemo, useRef, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { sides, type Side, type Utterance } from '../api/model';
import { latest, pieces, rawPieces, type Piece } from '../call/pieces';
import type { Playback } from '../call/playback';
import { clock } from '../i18n/format';
import { SideName } from './facts';
import { GapMark } from './Thread';
import './transcript.css';

function Words({ list }: { list: Piece[] }) {
  const { t } = useTranslation();
  return list.map((piece, i) =>
    piece.start === undefined ? (
      piece.text
    ) : (
      <span key={i} className={piece.conf !== undefined && piece.conf < 0.5 ? 'w unsure' : 'w'} data-start={piece.start} data-end={piece.end} title={piece.conf === undefined ? undefined : t('call.confidence', { value: Math.round(piece.conf * 100) })}>
        {piece.text}
      </span>
    ),
  );
}

const Line = memo(function Line({ u, first, raw, hear }: { u: Utterance; first: boolean; raw: boolean; hear: ((ms: number) => void) | null }) {
  const { t } = useTranslation();
  return (
    <li className={`line line-${u.side}${first ? ' line-first' : ''}`} data-start={u.start_ms} data-side={u.side}>
      <span className="line-time">
        {hear ? (
          <button type="button" className="num" aria-label={`${t('call.hear')} ${clock(u.start_ms)}`} onClick={() => hear(u.start_ms)}>
            {clock(u.start_ms)}
          </button>
        ) : (
          <span className="num">{clock(u.start_ms)}</span>
        )}
      </span>
      <span className="line-side">
        <span className={first ? undefined : 'hidden'}>
          <SideName side={u.side} />
        </span>
      </span>
      <p className="line-text">
        <Words list={raw ? rawPieces(u) : pieces(u)} />
        {u.late && <span className="tag line-late">{t('live.late')}</span>}
      </p>
    </li>
  );
});

interface Lane {
  starts: number[];
  ends: number[];
  elements: HTMLElement[];
}

function lanesOf(box: HTMLElement): Record<Side, Lane> {
  const lanes: Record<Side, Lane> = { caller: { starts: [], ends: [], elements: [] }, agent: { starts: [], ends: [], elements: [] } };
  for (const side of sides) {
    for (const element of box.querySelectorAll<HTMLElement>(`.line-${side} .w`)) {
      lanes[side].starts.push(Number(element.dataset.start));
      lanes[side].ends.push(Number(element.dataset.end));
      lanes[side].elements.push(element);
    }
  }
  return lanes;
}

// A word stays lit over the short silence to the next one, so that the light doesn't flicker.
const linger = 140;

/** useLight lights up the words in step with the playing, straight on the elements: sixty times a second is not React's work. */
function useLight(box: RefObject<HTMLElement | null>, playback: Playback | null, drawn: unknown): void {
  useEffect(() => {
    const element = box.current;
    if (!element || !playback) return;
    const lanes = lanesOf(element);
    const lit: Partial<Record<Side, HTMLElement>> = {};
    const unlight = (side: Side) => {
      lit[side]?.classList.remove('lit');
      lit[side]?.closest('.line')?.classList.remove('line-now');
      lit[side] = undefined;
    };
    const show = (side: Side, at: number) => {
      const lane = lanes[side];
      const i = latest(lane.starts, at);
      const word = at < (lane.ends[i] ?? -Infinity) + linger ? lane.elements[i] : undefined;
      if (word === lit[side]) return;
      unlight(side);
      if (!word || (at === 0 && !playback.get().playing)) return;
      word.classList.add('lit');
      const line = word.closest('.line');
      line?.classList.add('line-now');
      lit[side] = word;
      if (playback.get().playing) line?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    };
    const stop = playback.onTime((at) => sides.forEach((side) => show(side, at)));
    return () => {
      stop();
      sides.forEach(unlight);
    };
  }, [box, playback, drawn]);
}

/** Transcript is the words of a finished call; a click on a word plays from there. */
export function Transcript({ items, raw, playback, box }: { items: readonly Utterance[]; raw: boolean; playback: Playback | null; box: RefObject<HTMLOListElement | null> }) {
  const own = useRef<HTMLOListElement>(null);
  const list = useMemo(() => items.toSorted((a, b) => a.start_ms - b.start_ms), [items]);
  const drawn = useMemo(() => ({ list, raw }), [list, raw]);
  const hear = useMemo(() => (playback ? (ms: number) => playback.play(ms) : null), [playback]);
  useLight(own, playback, drawn);

  const onClick = (event: React.MouseEvent) => {
    // Someone who selects text wants to copy, not to hear.
    if (!playback || !(event.target instanceof HTMLElement) || !window.getSelection()?.isCollapsed) return;
    const start = event.target.closest<HTMLElement>('.w')?.dataset.start;
    if (start !== undefined) playback.play(Number(start));
  };

  return (
    <ol
      className={playback ? 'transcript playable' : 'transcript'}
      ref={(element) => {
        own.current = element;
        box.current = element;
      }}
      onClick={onClick}
    >
      {list.map((u, i) => {
        const key = `${u.side}${u.gap ? 'g' : ''}${u.seq}-${u.start_ms}`;
        if (u.gap) {
          return (
            <li key={key}>
              <GapMark gap={u} />
            </li>
          );
        }
        return <Line key={key} u={u} first={list[i - 1]?.side !== u.side || !!list[i - 1]?.gap} raw={raw} hear={hear} />;
      })}
    </ol>
  );
}
