import { useMutation } from '@tanstack/react-query';
import { Button, Modal } from 'antd';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { useMessage } from '../parts/messages';
import type { AuditCheck } from './api';

/** AuditChecked walks the chain of the audit log and says whether it is whole. */
export function AuditChecked() {
  const { t } = useTranslation();
  const message = useMessage();
  const [modal, holder] = Modal.useModal();
  const check = useMutation({
    mutationFn: () => request<AuditCheck>('/audit/check'),
    onSuccess: (found) => {
      if (found.whole) modal.success({ title: t('guard.chainWhole'), content: t('guard.chainHead', { count: found.rows, head: found.head.slice(0, 16) }), okText: t('admin.close') });
      else modal.error({ title: t('guard.chainBroken'), content: t('guard.chainAt', { row: found.broken }), okText: t('admin.close') });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <>
      {holder}
      <Button loading={check.isPending} onClick={() => check.mutate()}>
        {t('guard.checkChain')}
      </Button>
    </>
  );
}
