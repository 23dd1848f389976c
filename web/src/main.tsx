import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { setCSRF, whenLocked, whenUnauthorized } from './api/client';
import { Problem } from './api/problem';
import { session } from './api/queries';
import { startLanguage } from './i18n';
import { makeRouter } from './router';
import { startTheme } from './theme/theme';
import './theme/tokens.css';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refused it refuses again; what didn't reach it is tried twice more.
      retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

const router = makeRouter(client);

whenUnauthorized(() => {
  if (client.getQueryData(session.queryKey) === null) return;
  setCSRF('');
  client.setQueryData(session.queryKey, null);
  void router.navigate({ to: '/login', search: { next: router.state.location.href, ended: true } });
});

whenLocked(() => void client.invalidateQueries({ queryKey: session.queryKey }));

async function start(): Promise<void> {
  startTheme();
  await startLanguage();
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no #root');
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();
