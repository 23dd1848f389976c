import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Problem, problemKey } from '../api/problem';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import type { Identity } from './api';

/** IdentityText is one address with what it is, and whether it is proven. */
export function IdentityText({ identity, value }: { identity: Identity; value?: string }) {
  const { t } = useTranslation();
  return (
    <span className="identity">
      <span className="identity-kind">{t(`contacts.kind.${identity.kind}`)}</span>
      <span className="num identity-value">{value ?? identity.value}</span>
      {identity.verified && (
        <span className="identity-proven" title={t('contacts.verified')}>
          <Icon name="shield" size={14} />
          <span className="hidden">{t('contacts.verified')}</span>
        </span>
      )}
    </span>
  );
}

/** sentence says in one sentence what went wrong; what the server says of a value stands as it is. */
export function useSentence() {
  const { t } = useTranslation();
  return (error: unknown) => {
    if (error instanceof Problem && error.status === 409) return t('contacts.conflict');
    if (error instanceof Problem && error.status === 422) return t('contacts.invalid');
    return t(problemKey(error));
  };
}

/** useAct runs a change of a person, says how it went and reads everything of people again. */
export function useAct<V, R>(run: (value: V) => Promise<R>, done: { words?: string; then?: (result: R) => void } = {}) {
  const message = useMessage();
  const client = useQueryClient();
  const sentence = useSentence();
  return useMutation({
    mutationFn: run,
    onSuccess: async (result) => {
      await client.invalidateQueries({ queryKey: ['contacts'] });
      if (done.words) void message.success(done.words);
      done.then?.(result);
    },
    onError: (error) => void message.error(sentence(error)),
  });
}
