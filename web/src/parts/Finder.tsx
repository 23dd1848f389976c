import { Input, type InputRef } from 'antd';
import { useEffect, useRef, useState, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { rangesIn, termsOf } from '../call/find';
import { typing } from '../shell/keys';
import { Icon } from './Icon';

function paint(name: string, ranges: Range[]): void {
  // Browsers without highlights still jump from hit to hit.
  if (!('highlights' in CSS)) return;
  if (ranges.length === 0) CSS.highlights.delete(name);
  else CSS.highlights.set(name, new Highlight(...ranges));
}

/** useHits finds the terms in the drawn transcript and paints them; nothing is drawn anew for it. */
function useHits(box: RefObject<HTMLElement | null>, drawn: unknown, query: string) {
  const ranges = useRef<Range[]>([]);
  const [count, setCount] = useState(0);
  const [at, setAt] = useState(-1);
  useEffect(() => {
    ranges.current = rangesIn(box.current?.querySelectorAll<HTMLElement>('.line-text') ?? [], termsOf(query));
    setCount(ranges.current.length);
    setAt(-1);
    paint('found', ranges.current);
    paint('found-here', []);
    return () => {
      paint('found', []);
      paint('found-here', []);
    };
  }, [box, drawn, query]);
  const go = (step: 1 | -1) => {
    if (count === 0) return;
    const next = (at + step + count) % count;
    const range = ranges.current[at < 0 && step < 0 ? count - 1 : next];
    setAt(at < 0 && step < 0 ? count - 1 : next);
    if (!range) return;
    paint('found-here', [range]);
    range.startContainer.parentElement?.closest('.line')?.scrollIntoView({ block: 'center', behavior: 'smooth' });
  };
  return { count, at, go };
}

/** Finder finds words in the transcript on the page. */
export function Finder({ box, drawn, start }: { box: RefObject<HTMLElement | null>; drawn: unknown; start: string }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState(start);
  const input = useRef<InputRef>(null);
  const { count, at, go } = useHits(box, drawn, query);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event) || event.key !== '/') return;
      event.preventDefault();
      input.current?.focus({ cursor: 'all' });
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  return (
    <search className="finder">
      <Input
        ref={input}
        size="small"
        allowClear
        prefix={<Icon name="search" size={14} />}
        aria-label={t('call.find')}
        placeholder={t('call.find')}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
          if (event.key === 'Escape') input.current?.blur();
        }}
      />
      {query && (
        <>
          <span className="num muted finder-count" role="status">
            {at >= 0 ? `${at + 1}/${count}` : t('call.hits', { count })}
          </span>
          <button type="button" className="round" aria-label={t('call.previousHit')} title={t('call.previousHit')} disabled={count === 0} onClick={() => go(-1)}>
            <Icon name="up" size={16} />
          </button>
          <button type="button" className="round" aria-label={t('call.nextHit')} title={t('call.nextHit')} disabled={count === 0} onClick={() => go(1)}>
            <Icon name="down" size={16} />
          </button>
        </>
      )}
    </search>
  );
}
