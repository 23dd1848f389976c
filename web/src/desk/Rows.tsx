import { useCallback, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';

/** Line is one line of a long list: what it is, and how high. */
export interface Line {
  key: string;
  height: number;
  render: () => ReactNode;
}

const ahead = 400;

/** Rows shows the lines of a long list that are in sight, and a screen around them. */
export function Rows({ lines, label, current }: { lines: readonly Line[]; label: string; current?: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  const tops = useMemo(() => {
    const all = [0];
    for (const line of lines) all.push((all.at(-1) ?? 0) + line.height);
    return all;
  }, [lines]);
  const look = useCallback(() => {
    const element = box.current;
    if (element) setView({ top: element.scrollTop, height: element.clientHeight || 900 });
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [look]);
  const at = lines.findIndex((line) => line.key === current);
  useLayoutEffect(() => {
    const element = box.current;
    const top = tops[at];
    const line = lines[at];
    if (!element || top === undefined || !line) return;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + line.height > element.scrollTop + element.clientHeight) element.scrollTop = top + line.height - element.clientHeight;
    // Only when another one is chosen.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [current]);
  const first = Math.max(0, tops.findIndex((top) => top > view.top - ahead) - 1);
  const end = tops.findIndex((top) => top > view.top + view.height + ahead);
  const last = end < 0 ? lines.length : end;
  return (
    <div className="rows" ref={box} onScroll={look}>
      <ul aria-label={label} style={{ height: tops.at(-1) }}>
        {lines.slice(first, last).map((line, i) => (
          <li key={line.key} style={{ top: tops[first + i], height: line.height }}>
            {line.render()}
          </li>
        ))}
      </ul>
    </div>
  );
}
