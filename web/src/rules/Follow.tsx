import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';

const kinds = ['all', 'public', 'private'] as const;

/** Follow has the bell tell of what happens to a ticket; told is of what it does now. */
export function Follow({ ticket, told }: { ticket: number; told?: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const follow = useMutation({
    mutationFn: (what: string) => request(`/tickets/${ticket}/followers/me${what === 'none' ? '' : `?told=${what}`}`, { method: what === 'none' ? 'DELETE' : 'PUT' }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['tickets'] }),
  });
  const items = [...kinds, ...(told ? (['none'] as const) : [])].map((key) => ({ key, label: t(`journey.follow.${key}`) }));
  return (
    <Dropdown trigger={['click']} autoFocus menu={{ items, selectedKeys: told ? [told] : [], onClick: ({ key }) => follow.mutate(key) }}>
      <button type="button" className="chip" disabled={follow.isPending} aria-pressed={!!told}>
        <Icon name="bell" size={15} />
        {t(told ? 'journey.follow.on' : 'journey.follow.off')}
      </button>
    </Dropdown>
  );
}
