import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { box, lay, upward } from './layout';
import type { Picture } from './kinds';

interface View {
  x: number;
  y: number;
  scale: number;
}

const least = 0.2;
const most = 2;
const bounded = (scale: number) => Math.min(most, Math.max(least, scale));

/** columns is how wide a text is; a Chinese character takes two. */
const columns = (text: string): number => Array.from(text).reduce((sum, c) => sum + (c.charCodeAt(0) > 0x2e7f ? 2 : 1), 0);

/** cut shortens a text to so many columns. */
function cut(text: string, columns: number): string {
  let used = 0;
  for (let i = 0; i < text.length; i++) {
    used += text.charCodeAt(i) > 0x2e7f ? 2 : 1;
    if (used > columns) return `${text.slice(0, i)}…`;
  }
  return text;
}

/** FlowPicture draws a flow; drag or arrow keys move it, the wheel and + - make it larger, 0 fits it in. */
export function FlowPicture({ picture, visited, onPick }: { picture: Picture; visited: ReadonlySet<string>; onPick: (line: number) => void }) {
  const { t } = useTranslation();
  const layout = useMemo(() => lay(picture), [picture]);
  const frame = useRef<HTMLDivElement | null>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const fit = () => {
    const room = frame.current?.getBoundingClientRect();
    if (!room) return;
    const scale = bounded(Math.min(1, room.width / layout.width, room.height / layout.height));
    setView({ scale, x: (room.width - layout.width * scale) / 2, y: Math.max(0, (room.height - layout.height * scale) / 2) });
  };
  const shape = `${layout.width} ${layout.height}`;
  // eslint-disable-next-line react-hooks/exhaustive-deps -- anew only when the picture has another size
  useEffect(fit, [shape]);
  const zoom = (by: number, x?: number, y?: number) =>
    setView((v) => {
      const room = frame.current?.getBoundingClientRect();
      const cx = x ?? (room?.width ?? 0) / 2;
      const cy = y ?? (room?.height ?? 0) / 2;
      const scale = bounded(v.scale * by);
      return { scale, x: cx - ((cx - v.x) * scale) / v.scale, y: cy - ((cy - v.y) * scale) / v.scale };
    });
  // React's own wheel handlers are passive: the page would scroll as well.
  useEffect(() => {
    const at = frame.current;
    const onWheel = (event: WheelEvent) => {
      if (!at || (!event.ctrlKey && !event.metaKey && document.activeElement !== at)) return;
      event.preventDefault();
      const room = at.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - room.left, event.clientY - room.top);
    };
    at?.addEventListener('wheel', onWheel, { passive: false });
    return () => at?.removeEventListener('wheel', onWheel);
  }, []);
  const move = (dx: number, dy: number) => setView((v) => ({ ...v, x: v.x + dx, y: v.y + dy }));
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, () => void> = {
      ArrowLeft: () => move(40, 0),
      ArrowRight: () => move(-40, 0),
      ArrowUp: () => move(0, 40),
      ArrowDown: () => move(0, -40),
      '+': () => zoom(1.2),
      '=': () => zoom(1.2),
      '-': () => zoom(1 / 1.2),
      '0': fit,
    };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    step();
  };
  const onDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    drag.current = { x: event.clientX, y: event.clientY };
  };
  const onMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!drag.current || event.buttons === 0) return;
    move(event.clientX - drag.current.x, event.clientY - drag.current.y);
    drag.current = { x: event.clientX, y: event.clientY };
  };
  return (
    <div className="flow-frame">
      <div
        ref={frame}
        className="flow-view"
        tabIndex={0}
        role="group"
        aria-label={t('admin.picture')}
        aria-describedby="flow-keys"
        onKeyDown={onKey}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={() => (drag.current = null)}
        onPointerLeave={() => (drag.current = null)}
      >
        <svg width="100%" height="100%" className="flow-svg">
          <defs>
            <marker id="flow-arrow" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M0 0 8 4 0 8Z" className="flow-head" />
            </marker>
            <marker id="flow-arrow-back" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M8 0 0 4 8 8Z" className="flow-head" />
            </marker>
          </defs>
          <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
            {layout.ways.map((way) => (
              <path key={`${way.from} ${way.to}`} d={way.path} className="flow-way" {...(upward(layout, way) ? { markerStart: 'url(#flow-arrow-back)' } : { markerEnd: 'url(#flow-arrow)' })} />
            ))}
            {picture.boxes.map((node) => {
              const at = layout.boxes.get(node.id);
              if (!at) return null;
              return (
                <g key={node.id} transform={`translate(${at.x} ${at.y})`} className={`flow-box ${node.id === picture.start ? 'flow-start' : ''} ${visited.has(node.id) ? 'flow-seen' : ''}`} onClick={() => onPick(node.line)}>
                  <title>{`${node.id} · ${t(`admin.node.${node.kind}`, node.kind)}${node.text ? `\n${node.text}` : ''}`}</title>
                  <rect width={box.width} height={box.height} rx={9} />
                  <text x={12} y={22} className="flow-kind">
                    {t(`admin.node.${node.kind}`, node.kind)}
                  </text>
                  <text x={box.width - 12} y={22} className="flow-id" textAnchor="end">
                    {cut(node.id, 24 - columns(t(`admin.node.${node.kind}`, node.kind)))}
                  </text>
                  <text x={12} y={46} className="flow-text">
                    {cut(node.text ?? '', 25)}
                  </text>
                </g>
              );
            })}
            {layout.ways.map(
              (way) =>
                way.label && (
                  <text key={`${way.from} ${way.to}`} x={way.at.x} y={way.at.y} className="flow-label" textAnchor="middle">
                    {cut(
                      way.label
                        .split(', ')
                        .map((word) => t(`admin.way.${word}`, word))
                        .join(', '),
                      22,
                    )}
                  </text>
                ),
            )}
          </g>
        </svg>
      </div>
      <div className="flow-tools">
        <button type="button" onClick={() => zoom(1 / 1.2)} aria-label={t('admin.smaller')}>
          −
        </button>
        <button type="button" onClick={() => zoom(1.2)} aria-label={t('admin.larger')}>
          +
        </button>
        <button type="button" onClick={fit}>
          {t('admin.fit')}
        </button>
      </div>
      <p id="flow-keys" className="hidden">
        {t('admin.pictureKeys')}
      </p>
    </div>
  );
}
