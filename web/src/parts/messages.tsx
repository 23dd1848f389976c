import AppContext, { type useAppProps } from 'antd/es/app/context';
import type { MessageInstance } from 'antd/es/message/interface';
import { Suspense, use, useState, type ReactNode } from 'react';
import { later } from './later';

const Holder = later(() => import('./MessageHolder'));

const kinds = ['error', 'success', 'info', 'warning', 'loading', 'open', 'destroy'] as const;
type Kind = (typeof kinds)[number];
type Say = (...words: unknown[]) => unknown;

/** outlet keeps what is said before there is something that shows it. */
function outlet() {
  let ready: (say: MessageInstance) => void = () => undefined;
  const shown = new Promise<MessageInstance>((resolve) => (ready = resolve));
  const say = (kind: Kind): Say => (...words) => shown.then((now) => (now[kind] as Say)(...words));
  return { ready, message: Object.fromEntries(kinds.map((kind) => [kind, say(kind)])) as unknown as MessageInstance };
}

/**
 * Messages has what the pages say in passing. Of Ant Design's App it is the messages alone, and these come when
 * the page stands: all of it, with its dialogs and notices, would be a tenth of the first load.
 */
export function Messages({ children }: { children: ReactNode }) {
  const [{ ready, message }] = useState(outlet);
  const [value] = useState(() => ({ message }) as useAppProps);
  return (
    <AppContext value={value}>
      <Suspense>
        <Holder onReady={ready} />
      </Suspense>
      {children}
    </AppContext>
  );
}

/** useMessage says something in passing, anywhere beneath Messages. */
export const useMessage = () => use(AppContext).message;
