import { Popover } from 'antd';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNow } from '../call/hooks';
import { clock } from '../i18n/format';
import { Icon, type IconName } from '../parts/Icon';
import { Keypad } from './Keypad';
import { TransferBox } from './TransferBox';
import { useCallKeys, useDeeds, usePhone, useSoftphone } from './hooks';
import { ringTime } from './softphone';
import { incoming, type Line } from './state';
import './phone.css';

const chord = (letter: string) => `Ctrl+Shift+${letter}`;

interface ButtonProps {
  icon: IconName;
  label: string;
  keys?: string;
  on?: boolean;
  kind?: string;
  disabled?: boolean;
  onClick?: () => void;
}

function BarButton({ icon, label, keys, on, kind = '', disabled, onClick }: ButtonProps) {
  return (
    <button type="button" className={`bar-button ${kind}`} aria-pressed={on} disabled={disabled} onClick={onClick} title={keys ? `${label} (${keys})` : label} aria-keyshortcuts={keys ? keys.replace('Ctrl', 'Control') : undefined}>
      <Icon name={icon} size={20} />
      <span>{label}</span>
    </button>
  );
}

const nameOf = (line: Line): string => line.name || line.number;

/** Clock counts up from a moment. */
function Clock({ since }: { since: number }) {
  const now = useNow();
  return <time className="bar-clock num">{clock(now - since)}</time>;
}

/** RingTimer is what is left of the ringing: a circle that empties, and the seconds. */
function RingTimer({ began }: { began: number }) {
  const { t } = useTranslation();
  const now = useNow();
  const left = Math.max(0, Math.ceil((ringTime - (now - began)) / 1000));
  return (
    <span className="ring-timer" role="timer" aria-label={t('desk.left', { count: left })}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle cx="18" cy="18" r="15" />
        <circle cx="18" cy="18" r="15" pathLength={20} strokeDasharray={`${left} 20`} className="ring-left" />
      </svg>
      <span className="num" aria-hidden="true">
        {left}
      </span>
    </span>
  );
}

function Incoming({ line }: { line: Line }) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const { answer } = useDeeds();
  return (
    <div className="bar-line bar-incoming" data-phase="incoming">
      <RingTimer began={line.began} />
      <div className="bar-who" role="alert">
        <strong>{nameOf(line)}</strong>
        <span>{t('desk.calls', { number: line.number })}</span>
      </div>
      <div className="bar-buttons">
        <BarButton icon="close" label={t('desk.decline')} keys={chord('X')} kind="bar-decline" onClick={() => phone.decline(line.id)} />
        <BarButton icon="phone" label={t('desk.answer')} keys={chord('A')} kind="bar-answer" onClick={() => answer(line.id)} />
      </div>
    </div>
  );
}

/** Drawer is a button that opens something above the bar. */
function Drawer({ icon, label, disabled, children }: { icon: IconName; label: string; disabled?: boolean; children: (close: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  return (
    <Popover
      open={open && !disabled}
      onOpenChange={setOpen}
      trigger="click"
      placement="top"
      destroyOnHidden
      afterOpenChange={(shown) => shown && box.current?.querySelector<HTMLElement>('input, button')?.focus()}
      content={
        <div ref={box} role="dialog" aria-label={label} onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
          {children(() => setOpen(false))}
        </div>
      }
    >
      <button type="button" className="bar-button" aria-expanded={open} aria-haspopup="dialog" disabled={disabled} title={label}>
        <Icon name={icon} size={20} />
        <span>{label}</span>
      </button>
    </Popover>
  );
}

function words(line: Line): string {
  if (line.phase === 'ended') return `desk.cause.${line.cause ?? 'failed'}`;
  if (line.transfer) return `desk.transfer.${line.transfer}`;
  if (line.phase !== 'talking') return `desk.phase.${line.phase}`;
  if (line.held) return 'desk.held';
  if (line.away) return 'desk.heldAway';
  return line.muted ? 'desk.muted' : 'desk.phase.talking';
}

function Talking({ line, other }: { line: Line; other: Line | undefined }) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const talking = line.phase === 'talking';
  return (
    <div className="bar-line" data-phase={line.phase} data-held={line.held} data-muted={line.muted} role="group" aria-label={t('desk.with', { who: nameOf(line) })}>
      <span className={`bar-lamp lamp-${line.phase === 'talking' && line.held ? 'held' : line.phase}`} aria-hidden="true">
        <Icon name={line.phase === 'ended' ? 'hangup' : line.held ? 'pause' : 'phone'} size={18} />
      </span>
      <div className="bar-who">
        <strong>{nameOf(line)}</strong>
        <span role="status" className={line.transfer === 'failed' || (line.phase === 'ended' && line.cause !== 'normal') ? 'bar-trouble' : undefined}>
          {t(words(line))}
        </span>
      </div>
      {line.phase !== 'ended' && <Clock since={line.connected ?? line.began} />}
      {line.phase !== 'ended' && (
        <div className="bar-buttons">
          <BarButton icon={line.muted ? 'micOff' : 'mic'} label={t('desk.mute')} keys={chord('M')} on={line.muted} disabled={!talking} onClick={() => phone.mute(line.id, !line.muted)} />
          <BarButton icon={line.held ? 'play' : 'pause'} label={t(line.held ? 'desk.resume' : 'desk.hold')} keys={chord('H')} on={line.held} disabled={!talking || line.changing} onClick={() => void phone.hold(line.id, !line.held)} />
          <Drawer icon="keypad" label={t('desk.keypad')} disabled={!talking || line.held}>
            {() => (
              <div className="bar-pad">
                <output className="num">{line.keys || ' '}</output>
                <Keypad label={t('desk.keypad')} onKey={(key) => phone.press(line.id, key)} />
              </div>
            )}
          </Drawer>
          {other?.phase === 'talking' && talking ? (
            <BarButton icon="merge" label={t('desk.connect')} kind="bar-connect" disabled={line.transfer === 'asked'} onClick={() => phone.transfer(line.id, other.number, other.id)} />
          ) : (
            <Drawer icon="transfer" label={t('desk.transferTo')} disabled={!talking || line.transfer === 'asked' || !!other}>
              {(close) => <TransferBox line={line} close={close} />}
            </Drawer>
          )}
          <BarButton icon="hangup" label={t('desk.hangup')} keys={chord('X')} kind="bar-hangup" onClick={() => phone.hangup(line.id)} />
        </div>
      )}
    </div>
  );
}

/** useMeasured tells the pages how much the bar takes of the screen. */
function useMeasured() {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = bar.current;
    const root = document.documentElement.style;
    if (!element) return;
    const observer = new ResizeObserver(() => root.setProperty('--call-bar', `${element.offsetHeight}px`));
    observer.observe(element);
    return () => {
      observer.disconnect();
      root.removeProperty('--call-bar');
    };
  }, []);
  return bar;
}

function Bar({ lines }: { lines: readonly Line[] }) {
  const { t } = useTranslation();
  const bar = useMeasured();
  const others = lines.filter((line) => line.phase !== 'incoming' && line.phase !== 'ended');
  return (
    <section className="call-bar" ref={bar} aria-label={t('desk.bar')}>
      {lines.map((line) =>
        line.phase === 'incoming' ? <Incoming key={line.id} line={line} /> : <Talking key={line.id} line={line} other={others.find((o) => o.id !== line.id)} />,
      )}
    </section>
  );
}

/** CallBar is at the bottom of every page while there is a call. */
export function CallBar() {
  const state = usePhone();
  const { t } = useTranslation();
  useCallKeys();
  const ringing = incoming(state);
  return (
    <>
      {ringing && <title>{`☎ ${nameOf(ringing)} · ${t('app.name')}`}</title>}
      {state.lines.length > 0 && <Bar lines={state.lines} />}
    </>
  );
}
