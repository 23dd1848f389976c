/**
 * The look. It goes into the shadow root as a constructed style sheet, which a
 * policy without 'unsafe-inline' allows; the colour of the brand is set as
 * custom properties of the host element.
 */
export const css = `
:host {
  all: initial;
  --brand: #1d5fd1; --on-brand: #fff; --brand-ink: #1d5fd1;
  --paper: #fff; --wash: #f4f5f7; --ink: #1c2330; --soft: #566074; --line: #d5dae3; --bad: #b3261e; --good: #176b3a;
  --shade: 0 12px 40px rgba(15, 25, 45, .22);
  color-scheme: light;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  color: var(--ink); position: fixed; z-index: 2147483000; right: 20px; bottom: 20px;
}
:host([data-side=left]) { right: auto; left: 20px; }
:host([data-mode=inline]) { position: relative; inset: auto; display: block; height: 560px; z-index: auto; }
:host([data-mode=page]) { inset: 0; }
:host([data-dark]) {
  --paper: #171b22; --wash: #222833; --ink: #e8ecf3; --soft: #a9b3c4; --line: #3a4352; --bad: #ff9d94; --good: #7ad6a0;
  --shade: 0 12px 40px rgba(0, 0, 0, .6); color-scheme: dark;
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, input, textarea, select { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
button:disabled, button[aria-disabled=true] { cursor: default; opacity: .55; }
:focus-visible { outline: 2px solid var(--brand-ink); outline-offset: 2px; }
h2, h3, p, ul, dl, dd { margin: 0; padding: 0; }
ul { list-style: none; }
a { color: var(--brand-ink); }
.icon { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
.icon-more, .icon-keys { stroke-width: 3; }
.hush { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launcher { display: flex; align-items: center; gap: 8px; height: 56px; min-width: 56px; padding: 0 16px; border-radius: 28px; background: var(--brand); color: var(--on-brand); box-shadow: var(--shade); justify-content: center; font-weight: 600; }
.launcher:focus-visible { outline-color: var(--ink); outline-offset: 3px; }
.count { min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px; background: #b3261e; color: #fff; font-size: 13px; line-height: 22px; }
.panel { display: flex; flex-direction: column; overflow: hidden; background: var(--paper); color: var(--ink); width: 384px; height: min(620px, calc(100vh - 40px)); height: min(620px, calc(100dvh - 40px)); border-radius: 14px; border: 1px solid var(--line); box-shadow: var(--shade); }
:host([data-mode=inline]) .panel { width: 100%; height: 100%; box-shadow: none; }
:host([data-mode=page]) .panel { width: 100%; height: 100%; border: 0; border-radius: 0; box-shadow: none; }
@media (max-width: 480px) {
  :host([data-mode=float][data-open]) { inset: 0; }
  :host([data-mode=float]) .panel { width: 100%; height: 100%; border: 0; border-radius: 0; }
}
.head { display: flex; align-items: center; gap: 4px; padding: 8px 8px 8px 14px; background: var(--brand); color: var(--on-brand); min-height: 56px; }
.head h2 { flex: 1; min-width: 0; font-size: 16px; line-height: 1.3; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.head .sub { display: block; font-size: 13px; font-weight: 400; overflow: hidden; text-overflow: ellipsis; }
.round { display: grid; place-items: center; width: 40px; height: 40px; border-radius: 50%; flex: none; }
.head .round:focus-visible { outline-color: var(--on-brand); outline-offset: -3px; }
.round:hover:not(:disabled) { background: rgba(127, 127, 127, .22); }
.body { flex: 1; min-height: 0; display: flex; flex-direction: column; overflow: auto; }
.pad { padding: 16px; display: flex; flex-direction: column; gap: 14px; }
.lead { font-size: 19px; line-height: 1.4; font-weight: 600; overflow-wrap: anywhere; white-space: pre-line; }
.soft { color: var(--soft); font-size: 14px; }
.live { display: flex; flex-wrap: wrap; gap: 2px 8px; align-items: baseline; }
.live b::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 7px; border-radius: 50%; background: var(--good); }
.live b.away::before { background: none; border: 2px solid var(--soft); }
.live b { font-weight: 600; }
.main { display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; padding: 8px 16px; border-radius: 10px; background: var(--brand); color: var(--on-brand); font-weight: 600; text-align: center; }
.main:focus-visible { outline-offset: 2px; outline-color: var(--ink); }
.plain { display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px; padding: 8px 14px; border-radius: 10px; border: 1px solid var(--line); background: var(--paper); text-align: center; }
.plain:hover:not(:disabled), .list button:hover { background: var(--wash); }
.danger { background: var(--bad); color: var(--paper); }
.ways { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; }
.ways .plain { justify-content: flex-start; text-align: left; }
.list { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.list li + li { border-top: 1px solid var(--line); }
.list button { display: flex; gap: 10px; justify-content: space-between; align-items: center; width: 100%; min-height: 44px; padding: 9px 12px; text-align: left; overflow-wrap: anywhere; }
.list button:focus-visible { outline-offset: -3px; border-radius: 8px; }
.list .icon-right { width: 16px; height: 16px; color: var(--soft); }
h3 { font-size: 14px; font-weight: 600; color: var(--soft); }
.thread { flex: 1; min-height: 0; overflow: auto; padding: 14px; display: flex; flex-direction: column; gap: 10px; background: var(--wash); overflow-anchor: none; }
.thread:focus-visible { outline-offset: -3px; }
.thread > :first-child { margin-top: auto; }
.say { max-width: 84%; display: flex; flex-direction: column; gap: 4px; align-self: flex-start; align-items: flex-start; }
.say.me { align-self: flex-end; align-items: flex-end; }
.bubble { padding: 8px 12px; border-radius: 12px; background: var(--paper); border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
.me .bubble { background: var(--brand); border-color: var(--brand); color: var(--on-brand); }
.me .bubble a { color: inherit; }
.meta { font-size: 12px; color: var(--soft); display: flex; gap: 8px; flex-wrap: wrap; align-items: center; }
.meta.bad { color: var(--bad); }
.meta button { text-decoration: underline; min-height: 24px; }
.event { align-self: center; text-align: center; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.choices { display: flex; flex-wrap: wrap; gap: 8px; }
.choices button { min-height: 40px; padding: 6px 14px; border: 1px solid var(--brand-ink); border-radius: 20px; color: var(--brand-ink); background: var(--paper); text-align: left; overflow-wrap: anywhere; }
.choices button:disabled { border-color: var(--line); color: var(--soft); opacity: 1; }
.file { display: flex; align-items: center; gap: 8px; max-width: 100%; overflow-wrap: anywhere; text-align: left; }
.file img { display: block; max-width: 220px; max-height: 180px; border-radius: 8px; border: 1px solid var(--line); background: var(--paper); }
.bar { padding: 6px 14px; font-size: 13px; background: var(--paper); border-top: 1px solid var(--line); color: var(--soft); }
.bar:empty { display: none; }
.compose { display: flex; gap: 4px; align-items: flex-end; padding: 8px; border-top: 1px solid var(--line); background: var(--paper); }
.compose textarea { flex: 1; min-width: 0; min-height: 40px; max-height: 120px; resize: none; field-sizing: content; padding: 8px 10px; border: 1px solid var(--soft); border-radius: 10px; background: var(--paper); }
.compose .go { background: var(--brand); color: var(--on-brand); }
.foot { display: flex; justify-content: center; padding: 0 8px 8px; background: var(--paper); }
.foot button { display: flex; gap: 6px; align-items: center; min-height: 32px; padding: 4px 12px; border-radius: 16px; color: var(--brand-ink); font-size: 14px; font-weight: 600; }
.foot .icon { width: 18px; height: 18px; }
.card { border: 1px solid var(--line); border-radius: 12px; background: var(--paper); padding: 14px; display: flex; flex-direction: column; gap: 12px; }
.notice { white-space: pre-line; overflow-wrap: anywhere; font-size: 14px; }
.check { display: flex; gap: 8px; align-items: flex-start; font-size: 14px; }
.check input { width: 18px; height: 18px; margin: 2px 0 0; accent-color: var(--brand); flex: none; }
.row { display: flex; gap: 10px; flex-wrap: wrap; }
.row > * { flex: 1; }
label.field { display: flex; flex-direction: column; gap: 4px; font-size: 14px; font-weight: 600; }
.field input, .field textarea, .field select { font-weight: 400; font-size: 16px; min-height: 44px; padding: 8px 10px; border: 1px solid var(--soft); border-radius: 8px; background: var(--paper); width: 100%; }
.field textarea { min-height: 96px; resize: vertical; }
.fault { color: var(--bad); font-size: 14px; }
.fault:empty, .done:empty { display: none; }
.done { color: var(--good); font-weight: 600; overflow-wrap: anywhere; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend { padding: 0 0 6px; font-weight: 600; }
.stars { display: flex; gap: 4px; }
.stars label, .chips label { position: relative; }
.stars input, .chips input { position: absolute; opacity: 0; inset: 0; width: 100%; height: 100%; margin: 0; cursor: pointer; }
.stars label { display: grid; place-items: center; width: 44px; height: 44px; border-radius: 8px; color: var(--soft); }
.stars .icon { width: 30px; height: 30px; }
.stars .on { color: #a86a00; }
.stars .on .icon { fill: currentColor; }
:host([data-dark]) .stars .on { color: #f2b544; }
.stars label:focus-within, .chips label:focus-within { outline: 2px solid var(--brand-ink); outline-offset: 1px; }
.chips { display: flex; flex-wrap: wrap; gap: 8px; }
.chips label { padding: 6px 12px; border: 1px solid var(--soft); border-radius: 18px; font-size: 14px; }
.chips label:has(:checked) { background: var(--brand); border-color: var(--brand); color: var(--on-brand); }
.phone { flex: 1; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 16px; padding: 20px; text-align: center; }
.clock { font-size: 32px; font-variant-numeric: tabular-nums; }
.level { width: 180px; height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; }
.level i { display: block; height: 100%; width: 0; background: var(--good); }
.phone .acts { display: flex; gap: 12px; flex-wrap: wrap; justify-content: center; }
.keys { display: grid; grid-template-columns: repeat(3, 56px); gap: 8px; }
.keys .plain { font-size: 18px; padding: 0; min-height: 48px; }
.said { display: flex; flex-direction: column; gap: 8px; }
.said li { border-left: 3px solid var(--line); padding-left: 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; }
dt { color: var(--soft); }
dd { overflow-wrap: anywhere; }
@media (prefers-reduced-motion: no-preference) {
  .panel { animation: rise .16s ease-out; }
  @keyframes rise { from { transform: translateY(12px); opacity: 0; } }
  .level i { transition: width .1s linear; }
}
@media (forced-colors: active) { .bubble, .main, .launcher { border: 1px solid; } }
`;

/** channel of sRGB, as WCAG 2 counts luminance. */
const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

type RGB = [number, number, number];

const read = (hex: string): RGB => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as RGB;
const luminance = (c: RGB): number => 0.2126 * linear(c[0] / 255) + 0.7152 * linear(c[1] / 255) + 0.0722 * linear(c[2] / 255);

/** contrast of two colours, 1 to 21. */
export function contrast(a: RGB, b: RGB): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const mix = (a: RGB, b: RGB, part: number): RGB => a.map((v, i) => Math.round(v + ((b[i] ?? v) - v) * part)) as RGB;
const write = (c: RGB): string => `#${c.map((v) => v.toString(16).padStart(2, '0')).join('')}`;

/**
 * brand works out what can be read: the words on the brand's colour, and the
 * brand's colour as words on paper, darker or lighter until there is contrast enough.
 */
export function brand(hex: string, dark: boolean): Record<string, string> {
  let base = read(/^#[0-9a-f]{6}$/i.test(hex) ? hex : '#1d5fd1');
  const white: RGB = [255, 255, 255];
  const black: RGB = [16, 20, 28];
  // Whichever is read better; between the two neither reaches 4.5, and the colour gives way a little.
  const on = contrast(base, white) >= 4.5 || contrast(base, white) >= contrast(base, black) ? white : black;
  for (let i = 0; i < 20 && contrast(base, on) < 4.5; i++) base = mix(base, on === white ? black : white, 0.06);
  const paper: RGB = dark ? [34, 40, 51] : [244, 245, 247];
  let ink = base;
  for (let i = 0; i < 30 && contrast(ink, paper) < 4.6; i++) ink = mix(ink, dark ? white : black, 0.08);
  return { '--brand': write(base), '--on-brand': write(on), '--brand-ink': write(ink) };
}
