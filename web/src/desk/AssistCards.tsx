import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { AssistPanel, useAssist } from '../assist/AssistPanel';
import { useActions, type Action } from '../shell/actions';

interface Props {
  kind: 'call' | 'conversation' | 'ticket';
  id: string;
  onInsert: (text: string) => void;
  onSend: (text: string) => void;
}

/** Keys are 1, 2, 3 for the cards; with shift what stands on them is sent. */
function Keys(props: Parameters<typeof useAssist>[0]) {
  const { t } = useTranslation();
  const { act } = useAssist(props);
  useActions(
    useMemo<Action[]>(
      () =>
        ([1, 2, 3] as const).flatMap((place): Action[] => [
          { id: `card ${place}`, group: 'write', icon: 'heart', label: t('desktop.do.card', { place }), code: `Digit${place}`, run: () => act(place) },
          ...(place < 3 ? [{ id: `send card ${place}`, group: 'write' as const, icon: 'heart' as const, label: t('desktop.do.sendCard', { place }), code: `Digit${place}`, shift: true, run: () => act(place, true) }] : []),
        ]),
      [t, act],
    ),
  );
  return null;
}

/** AssistCards is what helps with the answer, with its keys. */
export default function AssistCards({ kind, id, onInsert, onSend }: Props) {
  const subject = useMemo(() => ({ kind, id }), [kind, id]);
  return (
    <>
      <Keys subject={subject} onInsert={onInsert} onSend={onSend} />
      <AssistPanel subject={subject} onInsert={onInsert} onSend={onSend} />
    </>
  );
}
