import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { AssistPanel, useAssist } from '../assist/AssistPanel';
import { useActions, type Action } from '../shell/actions';

interface Props {
  kind: 'call' | 'conversation' | 'ticket';
  id: string;
  onInsert?: (text: string) => void;
  onSend?: (text: string) => void;
}

/**
 * AssistCards is what helps with the answer, with its keys: 1, 2, 3 for the cards; with shift what stands on them
 * is sent. Where nothing is written only the third has a key.
 */
export default function AssistCards({ kind, id, onInsert, onSend }: Props) {
  const { t } = useTranslation();
  const subject = useMemo(() => ({ kind, id }), [kind, id]);
  const it = useAssist({ subject, onInsert, onSend });
  const { act } = it;
  const writes = !!onInsert && !!onSend;
  useActions(
    useMemo<Action[]>(
      () =>
        (writes ? ([1, 2, 3] as const) : ([3] as const)).flatMap((place): Action[] => [
          { id: `card ${place}`, group: 'write', icon: 'heart', label: t('desktop.do.card', { place }), code: `Digit${place}`, run: () => act(place) },
          ...(place < 3 ? [{ id: `send card ${place}`, group: 'write' as const, icon: 'heart' as const, label: t('desktop.do.sendCard', { place }), code: `Digit${place}`, shift: true, run: () => act(place, true) }] : []),
        ]),
      [t, act, writes],
    ),
  );
  return <AssistPanel it={it} />;
}
