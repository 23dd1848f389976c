import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { useLoad } from '../call/hooks';
import type { LoadPoint } from '../call/store';
import { useFormat } from '../i18n/format';

const width = 600;
const height = 132;
const longest = 10 * 60_000;
const shortest = 60_000;

interface Curve {
  name: string;
  className: string;
  value: (point: LoadPoint) => number;
  top: number;
  unit: string;
}

function path(points: readonly LoadPoint[], end: number, span: number, curve: Curve): string {
  return points
    .filter((p) => p.at >= end - span)
    .map((p, i) => {
      const x = width - ((end - p.at) / span) * width;
      const y = height - Math.min(1, curve.value(p) / curve.top) * (height - 6) - 1;
      return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

function areaOf(line: string): string {
  const first = /^M([\d.]+)/.exec(line)?.[1];
  return first ? `${line}L${width} ${height}L${first} ${height}Z` : '';
}

/** niceTop is the end of a scale: 4, 10, 20, 40, 100 ... */
function niceTop(n: number): number {
  for (let ten = 1; ; ten *= 10) {
    for (const step of [1, 2, 4]) if (n <= step * ten && step * ten >= 4) return step * ten;
  }
}

/** LoadChart is calls, speech channels and CPU over the last ten minutes. */
export function LoadChart() {
  const { t } = useTranslation();
  const { number } = useFormat();
  const title = useId();
  const points = useLoad();
  const last = points.at(-1);
  const top = niceTop(Math.max(1, ...points.map((p) => Math.max(p.calls, p.channels))));
  // The curve fills the width from the first minute on, up to ten minutes.
  const span = Math.min(longest, Math.max(shortest, (last?.at ?? 0) - (points[0]?.at ?? 0)));
  const curves: Curve[] = [
    { name: t('system.calls'), className: 'curve-calls', value: (p) => p.calls, top, unit: '' },
    { name: t('system.channels'), className: 'curve-channels', value: (p) => p.channels, top, unit: '' },
    { name: t('system.cpu'), className: 'curve-cpu', value: (p) => p.cpu, top: 100, unit: '%' },
  ];
  return (
    <section className="card chart" aria-labelledby={title}>
      <div className="card-head">
        <h2 id={title}>{t('system.load')}</h2>
        <ul className="chart-legend">
          {curves.map((curve) => (
            <li key={curve.className} className={curve.className}>
              <i aria-hidden="true" />
              {curve.name} <strong className="num">{last ? `${number(curve.value(last), 0)}${curve.unit}` : '–'}</strong>
            </li>
          ))}
        </ul>
      </div>
      {points.length < 2 ? (
        <p className="chart-empty">{t('system.loadEmpty')}</p>
      ) : (
        <div className="chart-box">
          <span className="chart-top num">{top}</span>
          <span className="chart-top chart-right num">100%</span>
          <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={curves.map((c) => `${c.name}: ${last ? number(c.value(last)) : 0}${c.unit}`).join(', ')}>
            {[0.25, 0.5, 0.75].map((y) => (
              <line key={y} x1="0" x2={width} y1={height * y} y2={height * y} className="chart-grid" />
            ))}
            {curves.map((curve) => {
              const line = path(points, last?.at ?? 0, span, curve);
              return (
                <g key={curve.className} className={curve.className}>
                  {curve.className === 'curve-channels' && <path d={areaOf(line)} className="chart-area" />}
                  <path d={line} className="chart-line" />
                </g>
              );
            })}
          </svg>
        </div>
      )}
    </section>
  );
}
