import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Popover } from 'antd';
import { Fragment, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { parked } from '../api/line';
import type { LiveCall, Side } from '../api/model';
import { session } from '../api/queries';
import { useQueueName } from '../api/queues';
import { useFloor, useNow, useTalk } from '../call/hooks';
import { clock, firstOf } from '../i18n/format';
import { Icon, type IconName } from '../parts/Icon';
import { SuperviseKeys } from '../parts/Supervise';
import { useMessage } from '../parts/messages';
import { AddBox } from './AddBox';
import { Incoming, useAnswers, useRings, Why, type Ring } from './Incoming';
import { Keypad } from './Keypad';
import { TransferBox } from './TransferBox';
import { guests, overseers, partyName, useControl, useNames } from './control';
import { ownCall, useCallKeys, usePhone, useSoftphone } from './hooks';
import { useRejoin } from './rejoin';
import { heardSince } from './since';
import type { Line } from './state';
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

const nameOf = (line: Line): string => line.name || line.number;

/** Clock counts up from a moment. */
function Clock({ since }: { since: number }) {
  const { t } = useTranslation();
  const now = useNow();
  return (
    <time className="bar-clock num" title={t('callwork.connectedFor')}>
      {clock(now - since)}
    </time>
  );
}

/** Quiet is how long the customer has said nothing; after 20 s it is marked. */
function Quiet({ call, side }: { call: LiveCall; side: Side }) {
  const { t } = useTranslation();
  const talk = useTalk(call.id);
  const now = useNow();
  const since = heardSince(call, talk, side, now);
  if (since === null) return null;
  return (
    <span className={`bar-quiet num ${since > 20_000 ? 'bar-quiet-long' : ''}`} title={t('callwork.quietFor')}>
      <Icon name="words" size={14} />
      {since <= 0 ? t('callwork.speaks') : clock(since)}
    </span>
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

/** Company is who else is in the call: added parties, who can be dropped, and supervisors. */
function Company({ call, drop }: { call: LiveCall; drop: (leg: number) => void }) {
  const { t } = useTranslation();
  const names = useNames();
  const others = guests(call);
  const watchers = overseers(call);
  const away = call.parties?.some((party) => party.away && party.role !== 'supervisor');
  if (others.length === 0 && watchers.length === 0 && !away) return null;
  return (
    <ul className="bar-company">
      {others.map((party) => (
        <li key={`${party.leg}${party.user ?? party.number ?? ''}`} className={party.ringing ? 'chip chip-ringing' : 'chip'}>
          <Icon name="user" size={14} />
          {partyName(party, names)}
          {party.ringing && <span className="muted">{t('desk.phase.ringing')}</span>}
          <button type="button" className="chip-drop" aria-label={t('callwork.drop', { who: partyName(party, names) })} title={t('callwork.drop', { who: partyName(party, names) })} onClick={() => drop(party.leg)}>
            <Icon name="close" size={13} />
          </button>
        </li>
      ))}
      {watchers.map((party) => (
        <li key={party.leg} className="chip chip-watch" role="status">
          <Icon name="eye" size={14} />
          {t(`callwork.watch.${party.mode ?? 'listen'}`, { who: partyName(party, names) })}
        </li>
      ))}
      {away && (
        <li className="chip chip-away" role="status">
          {t('callwork.away')}
        </li>
      )}
    </ul>
  );
}

/** RecordKey says whether the call is recorded, and pauses it. */
function RecordKey({ call, disabled, pause }: { call: LiveCall | undefined; disabled: boolean; pause: (on: boolean) => void }) {
  const { t } = useTranslation();
  if (!call?.has_recording) return null;
  const paused = !!call.recording_paused;
  return (
    <button
      type="button"
      className={`bar-button bar-record ${paused ? 'bar-record-paused' : ''}`}
      aria-pressed={paused}
      disabled={disabled}
      onClick={() => pause(!paused)}
      title={t(paused ? 'callwork.recordResume' : 'callwork.recordPause')}
      aria-label={`${t(paused ? 'callwork.notRecorded' : 'callwork.recorded')}: ${t(paused ? 'callwork.recordResume' : 'callwork.recordPause')}`}
    >
      <Icon name={paused ? 'discOff' : 'disc'} size={20} />
      <span>{t(paused ? 'callwork.notRecorded' : 'callwork.recorded')}</span>
    </button>
  );
}

/** ParkKey lets the other side wait where anybody can pick it up; there is none where parking is not set up. */
function ParkKey({ disabled, order }: { disabled: boolean; order: ReturnType<typeof useControl>['mutate'] }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { data } = useQuery(parked);
  if (!data?.places) return null;
  const told = (answer: unknown) => {
    void message.info(t('calldesk.park.at', { slot: (answer as { slot: string }).slot }), 8);
    void client.invalidateQueries({ queryKey: parked.queryKey });
  };
  return <BarButton icon="park" label={t('calldesk.park.park')} disabled={disabled} onClick={() => order({ path: 'park', body: {} }, { onSuccess: told })} />;
}

interface TalkingProps {
  line: Line;
  call: LiveCall | undefined;
  other: Line | undefined;
}

function Talking({ line, call, other }: TalkingProps) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const control = useControl(call?.id);
  const names = useNames();
  const who = firstOf(line.name, names[line.number], line.number);
  // Who came back after the page was loaded anew has talked all along.
  const since = line.inside?.again && call?.answered_at ? Date.parse(call.answered_at) : (line.connected ?? line.began);
  const talking = line.phase === 'talking';
  const ended = line.phase === 'ended';
  const order = control.mutate;
  const busy = control.isPending;
  const consulting = other?.phase === 'talking' && talking;
  const merge = () =>
    order({ path: 'merge', body: { with: other?.inside?.call } }, { onSuccess: () => void (line.held && phone.hold(line.id, false)) });
  return (
    <div className="bar-line" data-phase={line.phase} data-held={line.held} data-muted={line.muted} role="group" aria-label={t('desk.with', { who })}>
      <span className={`bar-lamp lamp-${talking && line.held ? 'held' : line.phase}`} aria-hidden="true">
        <Icon name={ended ? 'hangup' : line.held ? 'pause' : 'phone'} size={18} />
      </span>
      <div className="bar-who">
        <strong>{who}</strong>
        <span role="status" className={line.transfer === 'failed' || (ended && line.cause !== 'normal') ? 'bar-trouble' : undefined}>
          {t(words(line))}
        </span>
      </div>
      {!ended && (
        <span className="bar-times">
          <Clock since={since} />
          {talking && call && <Quiet call={call} side={line.direction === 'in' && line.inside?.role !== 'caller' ? 'caller' : 'agent'} />}
        </span>
      )}
      {call && talking && <Company call={call} drop={(leg) => order({ path: `legs/${leg}`, method: 'DELETE' })} />}
      {!ended && (
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
          {talking && <RecordKey call={call} disabled={busy} pause={(on) => order({ path: 'record', body: { do: on ? 'pause' : 'resume' } })} />}
          {consulting ? (
            <>
              {line.held && call && other.inside && (
                <BarButton icon="team" label={t('callwork.merge')} disabled={busy || line.transfer === 'asked'} onClick={merge} />
              )}
              <BarButton icon="merge" label={t('desk.connect')} kind="bar-connect" disabled={line.transfer === 'asked'} onClick={() => phone.transfer(line.id, other.number, other.id)} />
            </>
          ) : (
            <>
              <Drawer icon="team" label={t('callwork.add')} disabled={!talking || !call || !!other || busy}>
                {(close) => <AddBox order={order} close={close} />}
              </Drawer>
              <Drawer icon="transfer" label={t('desk.transferTo')} disabled={!talking || line.transfer === 'asked' || !!other}>
                {(close) => <TransferBox line={line} order={call ? order : undefined} close={close} />}
              </Drawer>
              <ParkKey disabled={!talking || !call || line.transfer === 'asked' || !!other || busy || guests(call).length > 0} order={order} />
            </>
          )}
          <BarButton icon="hangup" label={t('desk.hangup')} keys={chord('X')} kind="bar-hangup" onClick={() => phone.hangup(line.id)} />
        </div>
      )}
    </div>
  );
}

/** Overseeing is the line of a supervisor who is in somebody's call: how, and how to end it. */
function Overseeing({ line, call }: { line: Line; call: LiveCall | undefined }) {
  const { t } = useTranslation();
  const phone = useSoftphone();
  const names = useNames();
  const agent = call?.parties?.find((party) => party.side === 'agent' && party.role !== 'supervisor' && party.user)?.user ?? call?.agent ?? '';
  const who = [firstOf(call?.from_name, call?.from, nameOf(line)), firstOf(names[agent], agent)].filter(Boolean).join(' ↔ ');
  return (
    <div className="bar-line bar-overseeing" data-phase={line.phase} data-role="supervisor" role="group" aria-label={t('callwork.overseeing', { who })}>
      <span className={`bar-lamp lamp-${line.phase}`} aria-hidden="true">
        <Icon name="eye" size={18} />
      </span>
      <div className="bar-who">
        <strong>{who}</strong>
        <span role="status">{t(line.phase === 'ended' ? 'callwork.left' : line.phase === 'talking' ? 'callwork.inCall' : words(line))}</span>
      </div>
      {line.phase !== 'ended' && <Clock since={line.connected ?? line.began} />}
      {line.phase !== 'ended' && (
        <div className="bar-buttons">
          {call && <SuperviseKeys call={call} />}
          <BarButton icon={line.muted ? 'micOff' : 'mic'} label={t('desk.mute')} keys={chord('M')} on={line.muted} disabled={line.phase !== 'talking'} onClick={() => phone.mute(line.id, !line.muted)} />
          <BarButton icon="hangup" label={t('callwork.leave')} keys={chord('X')} kind="bar-hangup" onClick={() => phone.hangup(line.id)} />
        </div>
      )}
    </div>
  );
}

/** Lost is a running call that this page has lost, to be taken back. */
function Lost({ call, rejoin }: { call: LiveCall | undefined; rejoin: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="bar-line bar-lost" data-phase="lost">
      <span className="bar-lamp lamp-held" aria-hidden="true">
        <Icon name="phone" size={18} />
      </span>
      <div className="bar-who" role="status">
        <strong>{firstOf(call?.from_name, call?.from)}</strong>
        <span>{t('callwork.lost')}</span>
      </div>
      <div className="bar-buttons">
        <BarButton icon="phone" label={t('callwork.rejoin')} kind="bar-answer" onClick={rejoin} />
      </div>
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

function Bar({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const bar = useMeasured();
  return (
    <section className="call-bar" ref={bar} aria-label={t('desk.bar')}>
      {children}
    </section>
  );
}

/** CallBar is at the bottom of every page while something rings, runs or was lost. */
export function CallBar() {
  const { lines } = usePhone();
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const { calls } = useFloor();
  const username = data?.user.username ?? '';
  const rings = useRings();
  const queueName = useQueueName();
  const { lost, rejoin } = useRejoin(username);
  const { accept, decline } = useAnswers();
  const first: Ring | undefined = rings[0];
  const answers = useMemo(() => first && { accept: () => accept(first), decline: () => decline(first) }, [first, accept, decline]);
  useCallKeys(answers);
  const shown = lines.filter((line) => line.phase !== 'incoming');
  const others = shown.filter((line) => line.phase !== 'ended');
  if (rings.length + shown.length + lost.length === 0) return null;
  return (
    <>
      {first && <title>{`☎ ${firstOf(first.line && nameOf(first.line), first.offer?.from, first.offer && queueName(first.offer.work.queue))} · ${t('app.name')}`}</title>}
      <Bar>
        {rings.map((ring) => (
          <Incoming key={ring.line?.id ?? ring.offer?.token} ring={ring} chord={chord} />
        ))}
        {lost.map(({ id }) => <Lost key={id} call={calls.find((call) => call.id === id)} rejoin={() => rejoin(id)} />)}
        {shown.map((line) => {
          const call = ownCall(calls, username, line);
          // Who has stayed with the customer alone is no supervisor any more.
          const stands = call?.parties?.some((party) => party.user === username && party.role !== 'supervisor');
          if (line.inside?.role === 'supervisor' && !stands) return <Overseeing key={line.id} line={line} call={call} />;
          return (
            <Fragment key={line.id}>
              <Why line={line} />
              <Talking line={line} call={call} other={others.find((o) => o.id !== line.id && o.inside?.role !== 'supervisor')} />
            </Fragment>
          );
        })}
      </Bar>
    </>
  );
}
