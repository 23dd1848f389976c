import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { request, setCSRF } from '../api/client';
import { session } from '../api/queries';
import { forgetDrafts } from '../parts/draft';

/** useLogout signs out, forgets what was read and goes to the login. */
export function useLogout() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => request('/session', { method: 'DELETE', anonymous: true }),
    onSettled: async () => {
      const user = client.getQueryData(session.queryKey)?.user.id;
      if (user) forgetDrafts(user);
      setCSRF('');
      client.clear();
      client.setQueryData(session.queryKey, null);
      await navigate({ to: '/login' });
    },
  });
}
