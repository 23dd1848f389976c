import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallSummary } from '../api/model';
import { dispositions, ownCalls, session } from '../api/queries';
import { useFloor } from '../call/hooks';
import { clock, firstOf, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { LiveThread } from '../parts/LiveThread';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { StateTag } from '../parts/facts';
import { Colleagues } from '../phone/Colleagues';
import { DeviceCheck } from '../phone/DeviceCheck';
import { Keypad } from '../phone/Keypad';
import { Parked } from '../phone/Parked';
import { useDeeds, useOwnCall, usePhone, useReady } from '../phone/hooks';
import { WrapUpCard } from '../phone/WrapUp';
import { current } from '../phone/state';
import './desk.css';
import './live.css';

/** Dialler takes a number or a user's name, from the keyboard or the pad. */
function Dialler() {
  const { t } = useTranslation();
  const { dial } = useDeeds();
  const ready = useReady();
  const [typed, setTyped] = useState('');
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!ready) return;
    dial(typed);
    setTyped('');
  };
  return (
    <section className="card desk-dial" aria-label={t('desk.dial')}>
      <form onSubmit={submit}>
        <label>
          <span className="hidden">{t('desk.who')}</span>
          <input value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t('desk.who')} autoComplete="off" autoCapitalize="none" spellCheck={false} enterKeyHint="go" />
        </label>
        <button type="submit" className="dial-button" disabled={!ready || typed.trim() === ''} aria-label={t('desk.dial')} title={t('desk.dial')}>
          <Icon name="phone" size={20} />
        </button>
      </form>
      <Keypad label={t('desk.pad')} onKey={(key) => setTyped((text) => text + key)} />
    </section>
  );
}

function Team() {
  const { t } = useTranslation();
  const { dial } = useDeeds();
  const ready = useReady();
  return (
    <section className="card desk-team">
      <div className="card-head">
        <h2>{t('desk.team')}</h2>
      </div>
      <Colleagues
        deeds={(c) => (
          <button type="button" className="round" disabled={!ready || !c.reachable} onClick={() => dial(c.username)} aria-label={t('desk.callWho', { who: c.name || c.username })} title={t('desk.callWho', { who: c.name || c.username })}>
            <Icon name="phone" />
          </button>
        )}
      />
    </section>
  );
}

function OwnCall({ call, username, write }: { call: CallSummary; username: string; write: () => void }) {
  const { t, i18n } = useTranslation();
  const { data: outcomes } = useQuery(dispositions(call.queue ?? ''));
  const outcome = outcomes?.find((one) => one.code === call.disposition);
  const placed = call.from === username;
  const number = placed ? call.to : call.from;
  const { time } = useFormat();
  const { dial } = useDeeds();
  const ready = useReady();
  return (
    <li className="own-call">
      <Link to="/calls/$callId" params={{ callId: call.id }}>
        <span className="num muted">{time(call.started_at)}</span>
        <span className="own-who">
          <Icon name={placed ? 'out' : 'in'} size={15} />
          <strong className="num">{placed ? number : firstOf(call.from_name, number)}</strong>
          {call.queue && <span className="muted">{call.queue}</span>}
        </span>
        {call.disposition ? <span className="tag">{firstOf(i18n.language === 'zh-CN' ? outcome?.name_zh : outcome?.name_en, call.disposition)}</span> : <StateTag call={call} />}
        <span className="num own-length">{clock(call.duration_ms)}</span>
      </Link>
      <button type="button" className="round" onClick={write} aria-label={t('callwork.wrap.write', { who: number })} title={t('callwork.wrap.write', { who: number })}>
        <Icon name="words" />
      </button>
      <button type="button" className="round" disabled={!ready} onClick={() => dial(number)} aria-label={t('desk.again', { who: number })} title={t('desk.again', { who: number })}>
        <Icon name="phone" />
      </button>
    </li>
  );
}

/** OwnCalls are today's calls of one's own. */
function OwnCalls({ username }: { username: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(ownCalls(username));
  const [writing, setWriting] = useState<CallSummary | null>(null);
  const over = usePhone().lines.filter((line) => line.phase === 'ended').length;
  // The record is written a moment after the end.
  useEffect(() => {
    if (over === 0) return;
    const timer = setTimeout(() => void refetch(), 1500);
    return () => clearTimeout(timer);
  }, [over, refetch]);
  const calls = data?.filter((call) => call.state === 'ended');
  return (
    <section className="desk-main desk-own">
      <h2>{t('desk.own')}</h2>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!calls && !error && <Waiting rows={4} />}
      {calls?.length === 0 && <Empty icon="headset" title={t('desk.quiet')} hint={t('desk.quietHint')} />}
      {calls && calls.length > 0 && (
        <ul className="card own-calls">
          {calls.map((call) => (
            <OwnCall key={call.id} call={call} username={username} write={() => setWriting(call)} />
          ))}
        </ul>
      )}
      {writing && (
        <div className="wrap-dock">
          <WrapUpCard key={writing.id} call={writing} done={() => setWriting(null)} />
        </div>
      )}
    </section>
  );
}

/** DeskPage is where an agent works: dial, colleagues, and the words of one's own call. */
export function DeskPage() {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const [checking, setChecking] = useState(false);
  const phone = usePhone();
  const { whole } = useFloor();
  const username = data?.user.username ?? '';
  const line = current(phone);
  const call = useOwnCall(username, line);
  return (
    <div className="desk">
      <Title>{t('desk.title')}</Title>
      <aside className="desk-side" aria-label={t('desk.phone')}>
        <div className="desk-head">
          <h1>{t('desk.title')}</h1>
          <button type="button" className="small-button" onClick={() => setChecking(true)}>
            <Icon name="settings" size={16} />
            {t('desk.devices')}
          </button>
        </div>
        <Dialler />
        <Parked />
        <Team />
      </aside>
      {call ? (
        <div className="desk-main">
          <LiveThread key={call.id} id={call.id} call={call} whole={whole} own />
        </div>
      ) : (
        <OwnCalls username={username} />
      )}
      <DeviceCheck open={checking} onClose={() => setChecking(false)} />
    </div>
  );
}
