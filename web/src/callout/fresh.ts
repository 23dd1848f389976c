import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { callListsKey } from './api';

/** useFresh has everything of the lists read again. */
export function useFresh(): () => void {
  const client = useQueryClient();
  return useCallback(() => void client.invalidateQueries({ queryKey: callListsKey }), [client]);
}
