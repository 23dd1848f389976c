// Dialogs and drawers are taken away as a whole when they close, and the focus with them: it fell on the body, and
// who works with the keyboard began at the top of the page again.

const dialogs = '.ant-modal-root, .ant-drawer, [role=dialog]';
const inDialog = (el: Element | null): boolean => el?.closest(dialogs) != null;

/** giveBackFocus returns the focus to where it was before a dialog, or else to the page, when one is taken away. The answer ends it. */
export function giveBackFocus(page: Document): () => void {
  let before: HTMLElement | null = null;
  let inside = false;
  const onFocus = ({ target }: FocusEvent) => {
    if (!(target instanceof HTMLElement)) return;
    inside = inDialog(target);
    if (!inside) before = target;
  };
  // A dialog is emptied before its place beside the page is taken away: what is removed does not tell that it was one.
  const watch = new MutationObserver(() => {
    if (!inside || page.querySelector(dialogs) !== null || (page.activeElement !== page.body && page.activeElement !== null)) return;
    inside = false;
    const to = before?.isConnected ? before : page.getElementById('content');
    to?.focus({ preventScroll: true });
  });
  page.addEventListener('focusin', onFocus);
  watch.observe(page.body, { childList: true });
  return () => {
    page.removeEventListener('focusin', onFocus);
    watch.disconnect();
  };
}
