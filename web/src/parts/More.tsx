import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import './more.css';

/** A list that is read page by page, as useInfiniteQuery has it. */
interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** More asks for the next page of a list when it is pressed, with `near` also when it comes near. It is not there once all is. */
export function More({ of: { hasNextPage, isFetchingNextPage: busy, fetchNextPage }, near }: { of: Paged; near?: boolean }) {
  const { t } = useTranslation();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const element = button.current;
    if (!near || !element || busy) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && fetchNextPage(), { rootMargin: '300px' });
    observer.observe(element);
    return () => observer.disconnect();
  }, [near, hasNextPage, busy, fetchNextPage]);
  if (!hasNextPage) return null;
  return (
    <button ref={button} type="button" className="load-more" disabled={busy} onClick={() => void fetchNextPage()}>
      {t(busy ? 'app.loading' : 'app.more')}
    </button>
  );
}
