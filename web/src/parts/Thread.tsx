import { memo, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sides, type Side, type Utterance } from '../api/model';
import { split, type Speaking, type Talk } from '../call/talk';
import { clock } from '../i18n/format';
import { SideName } from './facts';
import { Icon } from './Icon';
import './thread.css';

/** GapMark is a stretch that was not recognised. */
export function GapMark({ gap }: { gap: Utterance }) {
  const { t } = useTranslation();
  return (
    <p className={`gap gap-${gap.side}`}>
      <Icon name="gap" size={16} />
      <SideName side={gap.side} />
      <span className="num">{t('live.gapFrom', { from: clock(gap.start_ms), to: clock(gap.end_ms) })}</span>
    </p>
  );
}

function Head({ side, start }: { side: Side; start: number }) {
  return (
    <span className="bubble-head">
      <SideName side={side} />
      <span className="num">{clock(start)}</span>
    </span>
  );
}

const Settled = memo(function Settled({ u, first }: { u: Utterance; first: boolean }) {
  if (u.gap) return <GapMark gap={u} />;
  return (
    <div className={`bubble-line bubble-${u.side}${first ? ' bubble-first' : ''}`}>
      {first && <Head side={u.side} start={u.start_ms} />}
      <p className="bubble settled" data-segment={u.segment} data-start={u.start_ms} data-side={u.side}>
        {u.text}
      </p>
    </div>
  );
});

/** Growing: the stable prefix is dark, the rest is grey and may change. */
function Growing({ speaking, first }: { speaking: Speaking; first: boolean }) {
  const { t } = useTranslation();
  const [stable, open] = split(speaking);
  return (
    <div className={`bubble-line bubble-${speaking.side}${first ? ' bubble-first' : ''}`}>
      {first && <Head side={speaking.side} start={speaking.start_ms} />}
      <p className="bubble growing" aria-label={t('live.provisional')} data-segment={speaking.segment}>
        <span className="stable-words">{stable}</span>
        <span className="open-words">{open}</span>
        <span className="caret" aria-hidden="true" />
      </p>
    </div>
  );
}

type Item = { start: number; side: Side; key: string } & ({ u: Utterance } | { speaking: Speaking });

function itemsOf(talk: Talk): Item[] {
  const items: Item[] = talk.utterances.map((u) => ({ start: u.start_ms, side: u.side, key: u.gap ? `${u.side}g${u.start_ms}` : `${u.side}${u.seq}`, u }));
  for (const side of sides) {
    const speaking = talk.speaking[side];
    if (speaking) items.push({ start: speaking.start_ms, side, key: `${side}now`, speaking });
  }
  return items.sort((a, b) => a.start - b.start);
}

/** useFollow keeps the newest words in sight until the reader scrolls up. */
function useFollow(talk: Talk) {
  const box = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const toEnd = () => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
    setFollowing(true);
  };
  useEffect(() => {
    const element = box.current;
    if (element && following) element.scrollTop = element.scrollHeight;
  }, [talk, following]);
  const onScroll = () => {
    const element = box.current;
    if (element) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < 60);
  };
  return { box, following, toEnd, onScroll };
}

/** Thread is the talk of a running call, both sides in the order of call time. */
export function Thread({ talk }: { talk: Talk }) {
  const { t } = useTranslation();
  const { box, following, toEnd, onScroll } = useFollow(talk);
  const items = itemsOf(talk);
  return (
    <div className="thread-box">
      {/* A region that scrolls must be reachable by keyboard. */}
      <div className="thread-scroll" ref={box} onScroll={onScroll} tabIndex={0} role="group" aria-label={t('live.thread')}>
        {items.length === 0 && <p className="thread-silent">{t('live.waiting')}</p>}
        <div className="thread-lines">
          {items.map((item, i) => {
            const first = items[i - 1]?.side !== item.side;
            return 'u' in item ? <Settled key={item.key} u={item.u} first={first} /> : <Growing key={item.key} speaking={item.speaking} first={first} />;
          })}
        </div>
      </div>
      {!following && (
        <button type="button" className="to-newest" onClick={toEnd}>
          <Icon name="down" size={16} />
          {t('live.newest')}
        </button>
      )}
    </div>
  );
}
