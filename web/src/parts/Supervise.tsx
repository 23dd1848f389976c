import { useSuspenseQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { LiveCall } from '../api/model';
import { session } from '../api/queries';
import { useControl } from '../phone/control';
import { usePhone, useSoftphone } from '../phone/hooks';
import { may } from '../shell/roles';
import { Icon, type IconName } from './Icon';
import './supervise.css';

export const modes = ['listen', 'whisper', 'barge', 'takeover'] as const;
export type Mode = (typeof modes)[number];

const icons: Record<Mode, IconName> = { listen: 'eye', whisper: 'words', barge: 'team', takeover: 'transfer' };

/** talkedIn says whether somebody of our side is in the call: only then there is something to listen to. */
export const talkedIn = (call: LiveCall): boolean => call.state === 'active' && !!call.parties?.some((party) => party.side === 'agent' && !party.ringing && party.role !== 'supervisor');

/** useSupervise is how the reader is in a call as its supervisor, and what changes that. */
export function useSupervise(call: LiveCall) {
  const phone = useSoftphone();
  const { lines, registration } = usePhone();
  const { data } = useSuspenseQuery(session);
  const control = useControl(call.id);
  const me = data?.user.username;
  const line = lines.find((l) => l.phase !== 'ended' && l.inside?.call === call.id && l.inside.role === 'supervisor');
  const party = call.parties?.find((p) => p.user === me && p.role === 'supervisor' && !p.ringing);
  // A hidden listener is known by the line alone.
  const mode = (party?.mode ?? (line?.phase === 'talking' ? 'listen' : undefined)) as Mode | undefined;
  const inside = call.parties?.some((p) => p.user === me && p.role !== 'supervisor');
  return {
    mode,
    allowed: may(data?.user.role, 'hangup') && !inside && talkedIn(call),
    ready: registration === 'registered' && !control.isPending && (!!line || lines.every((l) => l.phase === 'ended')),
    set: (wanted: Mode) => {
      if (!line) phone.expect(call.id);
      control.mutate({ path: 'supervise', body: { mode: wanted } }, { onError: () => phone.unexpect(call.id) });
    },
    end: line && (() => phone.hangup(line.id)),
  };
}

/** SuperviseKeys are the four ways to be in a call, the present one pressed. */
export function SuperviseKeys({ call }: { call: LiveCall }) {
  const { t } = useTranslation();
  const { mode, allowed, ready, set } = useSupervise(call);
  if (!allowed) return null;
  return (
    <span className="supervise" role="group" aria-label={t('callwork.supervise')}>
      {modes.map((key) => (
        <button key={key} type="button" className="supervise-key" aria-pressed={mode === key} disabled={!ready || mode === key} title={t(`callwork.modeHint.${key}`)} onClick={() => set(key)}>
          <Icon name={icons[key]} size={16} />
          <span>{t(`callwork.mode.${key}`)}</span>
        </button>
      ))}
    </span>
  );
}
