import { useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Popconfirm } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { sides, type LiveCall } from '../api/model';
import { problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useTalk } from '../call/hooks';
import type { Talk } from '../call/talk';
import { overseers, partyName, useNames } from '../phone/control';
import { may } from '../shell/roles';
import { AlertBar } from './AlertBar';
import { wayOf } from '../call/way';
import { Duration, QualityDot, SideName, StateTag, who } from './facts';
import { Icon } from './Icon';
import { MoodDot } from './Mood';
import { Empty, Waiting } from './Notice';
import { Ribbon } from './Ribbon';
import { SuperviseKeys } from './Supervise';
import { Thread } from './Thread';
import { useMessage } from './messages';

function HangUp({ id }: { id: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const hangup = useMutation({
    mutationFn: () => request(`/calls/${id}/hangup`, { method: 'POST' }),
    onSuccess: () => void message.success(t('live.hangupDone')),
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Popconfirm title={t('live.hangupAsk')} okText={t('live.hangup')} okButtonProps={{ danger: true }} cancelText={t('settings.cancel')} onConfirm={() => hangup.mutate()} placement="bottomRight">
      <button type="button" className="hangup" disabled={hangup.isPending}>
        <Icon name="hangup" />
        <span>{t('live.hangup')}</span>
      </button>
    </Popconfirm>
  );
}

/** SideStates: per side its line and whether its words are recognised. */
function SideStates({ call, talk }: { call: LiveCall; talk: Talk }) {
  const { t } = useTranslation();
  return (
    <ul className="side-states">
      {sides.map((side) => (
        <li key={side}>
          <QualityDot quality={talk.quality[side] ?? (side === 'caller' ? call.quality : null)} rtt={talk.quality[side]?.rtt_ms} />
          <SideName side={side} />
          <span className="muted">{t(`transcription.${call.transcription[side] ?? 'off'}`)}</span>
        </li>
      ))}
      {talk.keys.caller > 0 && (
        <li className="muted">
          <Icon name="keyboard" size={16} />
          {t('live.keys', { count: talk.keys.caller })}
        </li>
      )}
      {talk.node && (
        <li className="muted">
          <Icon name="calls" size={16} />
          {talk.node.flow} · {talk.node.node}
        </li>
      )}
    </ul>
  );
}

/** Watchers are the supervisors in the call. */
function Watchers({ call }: { call: LiveCall }) {
  const { t } = useTranslation();
  const watchers = overseers(call);
  const names = useNames();
  if (watchers.length === 0) return null;
  return (
    <ul className="side-states">
      {watchers.map((party) => (
        <li key={party.leg} className="muted">
          <Icon name="eye" size={15} />
          {t(`callwork.watch.${party.mode ?? 'listen'}`, { who: partyName(party, names) })}
        </li>
      ))}
    </ul>
  );
}

function ThreadHead({ call, talk, own }: { call: LiveCall; talk: Talk; own: boolean }) {
  const { t } = useTranslation();
  const { data } = useSuspenseQuery(session);
  const title = own && call.from === data?.user.username ? call.to : who(call, t('live.unknown'));
  return (
    <header className="thread-head">
      <div className="thread-title">
        {!own && (
          <Link to="/live" className="round" aria-label={t('live.close')} title={t('live.close')}>
            <Icon name="back" />
          </Link>
        )}
        <div className="thread-who">
          <h2>{title}</h2>
          <span className="muted num">{wayOf(call, title)}</span>
        </div>
        <MoodDot call={call} />
        <StateTag call={call} />
        <span className="thread-clock">
          <Duration call={call} />
        </span>
        {!own && call.state !== 'ended' && may(data?.user.role, 'hangup') && <HangUp id={call.id} />}
      </div>
      <SideStates call={call} talk={talk} />
      {!own && <SuperviseKeys call={call} />}
      {!own && <Watchers call={call} />}
    </header>
  );
}

/** Announcer reads out settled utterances only, politely: growing words would never stop talking. */
function Announcer({ talk }: { talk: Talk }) {
  const { t } = useTranslation();
  const last = talk.utterances.findLast((u) => !u.gap);
  return (
    <div className="hidden" aria-live="polite" aria-atomic="true">
      {last && t('live.said', { who: t(`side.${last.side}`), text: last.text })}
    </div>
  );
}

function Ended({ id }: { id: string }) {
  const { t } = useTranslation();
  return (
    <footer className="thread-ended" role="status">
      <span>{t('live.ended')}</span>
      <Link to="/calls/$callId" params={{ callId: id }}>
        {t('live.archive')}
      </Link>
    </footer>
  );
}

/** toWords brings what the caller said at that time into sight. */
function toWords(ms: number): void {
  const lines = [...document.querySelectorAll<HTMLElement>('.thread-scroll .bubble[data-side="caller"]')];
  const line = lines.findLast((element) => Number(element.dataset.start) <= ms + 200) ?? lines[0];
  line?.scrollIntoView({ block: 'center', behavior: 'smooth' });
}

/** LiveThread is one running call, read along. `own` is the reader's own: the call bar has its buttons. */
export function LiveThread({ id, call, whole, own = false }: { id: string; call: LiveCall | undefined; whole: boolean; own?: boolean }) {
  const { t } = useTranslation();
  const talk = useTalk(id);
  if (!call && whole) {
    return (
      <section className="thread">
        <Empty icon="live" title={t('live.gone')}>
          <Link to="/calls/$callId" params={{ callId: id }}>
            {t('live.archive')}
          </Link>
        </Empty>
      </section>
    );
  }
  return (
    <section className="thread" aria-label={t('live.thread')}>
      {call && <ThreadHead call={call} talk={talk} own={own} />}
      <Ribbon readings={talk.readings} sounding={talk.sounding.caller} go={toWords} hint={t('mood.ribbonLive')} />
      {talk.whole || talk.utterances.length > 0 ? <Thread talk={talk} /> : <Waiting />}
      {call?.alert && <AlertBar id={id} alert={call.alert} />}
      {call?.state === 'ended' && <Ended id={id} />}
      <Announcer talk={talk} />
    </section>
  );
}
